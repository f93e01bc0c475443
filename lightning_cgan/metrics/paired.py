"""How near a generated image comes to the one real image that it should equal, and what interpolation reaches."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure as ms_ssim
from torchmetrics.functional.image import peak_signal_noise_ratio as psnr
from torchmetrics.functional.image import structural_similarity_index_measure as ssim

from lightning_cgan.batches import to_bytes
from lightning_cgan.errors import UserError

CAP = 100.0  # dB, of two images that are equal
LARGE = 64  # pixels from which five scales of SSIM make sense


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
    """(count,) also where torchmetrics gives a single image's score without an axis."""
    assert isinstance(scores, Tensor)  # a tuple comes with maps that nobody asked for
    return scores.view(count)


def bicubic(source: Tensor, scale: int) -> Tensor:
    """What interpolation alone makes of low resolutions: (B, C, H, W) in [-1, 1], with PIL's kernel.

    Args:
        source: (B, C, H, W), each low-resolution pixel repeated ``scale`` times in both directions.
        scale: the size of the images over that of the low resolution.

    Raises:
        UserError: where ``source`` is not that.
    """
    low = source[..., ::scale, ::scale]
    if not torch.equal(low.repeat_interleave(scale, -1).repeat_interleave(scale, -2), source):
        raise UserError(
            f"The low resolution shows each pixel {scale} times in both directions; met another source. "
            "Set init_args.scale of the callbacks in lightning_cgan.callbacks.scores.paired to that of the networks."
        )
    return interpolate(low, scale_factor=scale, mode="bicubic", antialias=True).clamp(-1, 1)


def cycle_errors(source: Tensor, recovered: Tensor) -> Tensor:
    """The mean absolute difference (B,) float64 of each image and what came back, (B, C, H, W) in [-1, 1] both.

    The quantity that the cycle-consistency loss lowers: 0 for a perfect return, 2 at most.
    """
    return (source.double() - recovered.double()).abs().flatten(1).mean(1)
