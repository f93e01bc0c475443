"""Scores of super-resolved images: PSNR and SSIM on luma, gradient energy and feature distance. Ledig et al. 2017.

PSNR and SSIM are scikit-image's, on BT.601 luma (Matlab's ``rgb2ycbcr``) and without border pixels, as in nearly all
super-resolution papers.
"""

import math

import numpy as np
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor, nn
from torch.nn.functional import interpolate

from lightning_cgan.batches import to_bytes, to_signed

CAP = 100.0  # dB, for identical images
WINDOW = 11  # pixels


def luma(image: Tensor) -> Tensor:
    """Y of (..., C, H, W) in [0, 1], (..., H, W) in [16, 235]: 16 + 65.481 R + 128.553 G + 24.966 B; C is 3 or 1."""
    red, green, blue = image.expand(*image.shape[:-3], 3, -1, -1).unbind(-3)
    return 16 + 65.481 * red + 128.553 * green + 24.966 * blue


def without_border(image: Tensor, border: int) -> Tensor:
    """(..., H, W) without ``border`` pixels on each side."""
    height, width = image.shape[-2:]
    return image[..., border : height - border, border : width - border]


def psnr(fake: Tensor, real: Tensor, data_range: float = 255.0) -> float:
    """Peak signal-to-noise ratio in dB of two images of one shape, in double precision; at most 100."""
    with np.errstate(divide="ignore"):
        return min(float(peak_signal_noise_ratio(as_numpy(real), as_numpy(fake), data_range=data_range)), CAP)


def ssim(fake: Tensor, real: Tensor) -> float:
    """Structural similarity of two images (H, W) in [0, 255]. Wang et al. 2004: a Gaussian window of 11 pixels.

    NaN for smaller images. Ledig et al. measured it with another program (daala), which gives lower values.
    """
    if min(real.shape) < WINDOW:
        return math.nan
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return float(structural_similarity(as_numpy(real), as_numpy(fake), data_range=255.0, **options))


def as_numpy(image: Tensor) -> np.ndarray:
    return image.double().cpu().numpy()


def gradient_energy(image: Tensor) -> float:
    """The mean square of the differences of neighbouring pixels (..., H, W): a measure of edges and texture."""
    image = image.double()
    return (image.diff(dim=-1).square().mean() + image.diff(dim=-2).square().mean()).item()


def feature_distance(network: nn.Module, fake: Tensor, real: Tensor) -> float:
    """The Euclidean distance of the features of ``fake`` from those of ``real``, over the length of the latter.

    A mean over the taps: 0 for equal images, and 1 for features that are all zero.

    Args:
        network: images (1, C, H, W) in [-1, 1] to taps; not one that was used as a loss.
        fake: (C, H, W) in [-1, 1].
        real: (C, H, W) in [-1, 1].
    """
    taps = zip(network(fake[None]), network(real[None]), strict=True)
    return torch.stack([(one - other).double().norm() / other.double().norm() for one, other in taps]).mean().item()


def bicubic(low: Tensor, scale: int) -> Tensor:
    """Bicubic interpolation of low resolutions (B, C, h, w) in [-1, 1]; ``antialias`` sets a = -0.5."""
    return interpolate(low.float(), scale_factor=scale, mode="bicubic", antialias=True).clamp(-1, 1)


def image_scores(fake: Tensor, real: Tensor, border: int, feature_network: nn.Module | None = None) -> dict[str, float]:
    """Scores of one image (C, H, W) in [-1, 1], rounded to uint8 first as in a file; NaN if it holds NaN or infinity.

    "psnr_y" in dB and "ssim_y", of the luma, higher is better; "feature_distance", lower is better; "gradient_energy",
    of the luma, over that of the true image: 1 is best, less is blurred.

    Args:
        fake: the enlarged image.
        real: the true one.
        border: pixels that are left out on each side, except for the features.
        feature_network: maps images of 3 channels to taps; grey images are repeated to three channels.
    """
    names = ["psnr_y", "ssim_y", "gradient_energy"] + ["feature_distance"] * (feature_network is not None)
    if not bool(fake.isfinite().all()):
        return dict.fromkeys(names, math.nan)
    fake, real = (to_bytes(image) for image in (fake, real))
    y, true = (without_border(luma(image.double() / 255), border) for image in (fake, real))
    scores = [psnr(y, true), ssim(y, true), gradient_energy(y) / max(gradient_energy(true), 1e-12)]
    if feature_network is not None:
        scores.append(
            feature_distance(feature_network, *(to_signed(image).expand(3, -1, -1) for image in (fake, real)))
        )
    return dict(zip(names, scores, strict=True))
