"""Photographs whose low resolution is blurred first, as Johnson et al. 2016 make theirs."""

import hashlib
from typing import Any

import torch
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from datamodules.low_resolution import low_resolution
from datamodules.order import Positions
from datamodules.photos import Photos, Reduced
from datamodules.sources import LabelledImages
from datamodules.translation import Domains


class BlurredAndReduced(Reduced):
    """The low resolutions of a set of images: a Gaussian of so many pixels, then bicubic interpolation."""

    def __init__(self, source: LabelledImages, scale: int, sigma: float) -> None:
        super().__init__(source, scale)
        self.sigma = sigma

    def images(self, at: Positions) -> Tensor:
        return low_resolution(blurred(self.source.images(at), self.sigma), self.scale)

    def sha256(self) -> str:
        return hashlib.sha256(f"{super().sha256()}/{self.sigma}".encode()).hexdigest()


def blurred(image: Tensor, sigma: float) -> Tensor:
    """(..., C, H, W) uint8 under a Gaussian of ``sigma`` pixels, cut off at four of them and mirrored at the edges."""
    if not image.numel():
        return image
    reach = min(int(4 * sigma + 0.5), min(image.shape[-2:]) - 1)
    flat = image.reshape(-1, *image.shape[-3:]).float()
    return gaussian_blur(flat, [2 * reach + 1] * 2, [sigma] * 2).round_().to(torch.uint8).view(image.shape)


class BlurredPhotos(Photos):
    """Super-resolution of photographs: a is the low resolution of the blurred photograph b.

    Args:
        sigma: of the blur, in pixels of b.
        photos: of :class:`~datamodules.photos.Photos`.

    Raises:
        ValueError: for a sigma that is not positive.
    """

    def __init__(self, sigma: float = 1.0, **photos: Any) -> None:
        if sigma <= 0:
            raise ValueError(f"A blur has a positive sigma; met {sigma}. Set data.init_args.sigma.")
        self.sigma = sigma
        super().__init__(**photos)

    def load(self, split: str) -> Domains:
        _, b = super().load(split)
        return BlurredAndReduced(b, self.spec.scale, self.sigma), b
