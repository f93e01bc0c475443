"""Similarity of generated images and their real counterparts, the bicubic baseline, and cycle errors."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure as ms_ssim
from torchmetrics.functional.image import peak_signal_noise_ratio as psnr
from torchmetrics.functional.image import structural_similarity_index_measure as ssim

from lightning_cgan.batches import to_bytes
from lightning_cgan.errors import UserError

CAP = 100.0  # dB, for identical images
LARGE = 64  # pixels, the smallest size for five scales of SSIM


def similarity(fake: Tensor, real: Tensor) -> dict[str, Tensor]:
    """Scores of each pair of images (B, C, H, W) in [-1, 1], rounded to uint8 first; (B,) each, higher is better.

    "psnr" in dB over all channels and pixels, at most 100; "ssim" with a Gaussian window of 11 pixels; for images of
    64 pixels and larger "ms_ssim" after bilinear enlargement to 256, as Miyato & Koyama's code measures it.
    """
    fake, real = (to_bytes(image).float() for image in (fake, real))
    scores = {
        "psnr": psnr(fake, real, data_range=255.0, reduction="none", dim=(1, 2, 3)).clamp(max=CAP),
        "ssim": each(ssim(fake, real, data_range=255.0, reduction="none"), len(fake)),
    }
    if fake.shape[-1] >= LARGE:
        fake, real = (interpolate(image, size=(256, 256), mode="bilinear", antialias=True) for image in (fake, real))
        scores["ms_ssim"] = each(ms_ssim(fake, real, data_range=255.0, reduction="none"), len(fake))
    return scores


def each(scores: Tensor | tuple[Tensor, ...], count: int) -> Tensor:
    """``scores`` as (count,): torchmetrics returns the score of a single image without an axis."""
    assert isinstance(scores, Tensor)  # a tuple is only returned with full maps
    return scores.view(count)


def bicubic(source: Tensor, scale: int) -> Tensor:
    """Bicubic interpolation of low resolutions with PIL's kernel: (B, C, H, W) in [-1, 1].

    Args:
        source: (B, C, H, W), each low-resolution pixel repeated ``scale`` times in both directions.
        scale: the size of the images over that of the low resolution.

    Raises:
        UserError: for another kind of ``source``.
    """
    low = source[..., ::scale, ::scale]
    if not torch.equal(low.repeat_interleave(scale, -1).repeat_interleave(scale, -2), source):
        raise UserError(
            f"The low resolution repeats each pixel {scale} times in both directions; got another source. "
            "Set init_args.scale of the callbacks in lightning_cgan.callbacks.scores.paired to that of the networks."
        )
    return interpolate(low, scale_factor=scale, mode="bicubic", antialias=True).clamp(-1, 1)


def cycle_errors(source: Tensor, reconstruction: Tensor) -> Tensor:
    """The mean absolute difference (B,) float64 of images and their reconstructions, both (B, C, H, W) in [-1, 1].

    The quantity that the cycle-consistency loss minimises: 0 for a perfect reconstruction, at most 2.
    """
    return (source.double() - reconstruction.double()).abs().flatten(1).mean(1)
