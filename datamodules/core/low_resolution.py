"""Downsampling by which low-resolution images are made from high-resolution ones."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from lightning_cgan.errors import UserError


def low_resolution(image: Tensor, scale: int) -> Tensor:
    """Downsample (..., C, H, W) uint8 to (..., C, H/scale, W/scale) uint8, bicubic (a = -0.5) with antialiasing.

    It is torch's interpolation in double precision, rounded once like Matlab's ``imresize``, which made the published
    low-resolution images. Pillow rounds and clips after each of its two passes: about a tenth of its bytes differ from
    these by one level, and some at sharp edges by up to five.

    Raises:
        UserError: for sides that are not multiples of ``scale``; :func:`cut` makes them so.
    """
    height, width = image.shape[-2:]
    if height % scale or width % scale:
        raise UserError(
            f"The sides of an image are multiples of the scale {scale} before downsampling; got {height}x{width}. "
            "Set data.init_args.size, or data.init_args.scale."
        )
    flat = image.reshape(-1, *image.shape[-3:]).double()
    small = interpolate(flat, size=(height // scale, width // scale), mode="bicubic", antialias=True)
    return small.round_().clamp_(0, 255).to(torch.uint8).view(*image.shape[:-2], height // scale, width // scale)


def cut(image: Tensor, scale: int) -> Tensor:
    """``image`` (..., H, W) cropped at the bottom and right to sides that are multiples of ``scale``."""
    height, width = image.shape[-2:]
    return image[..., : height // scale * scale, : width // scale * scale]
