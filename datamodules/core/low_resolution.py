"""How the low resolution of an image is made, wherever only the high resolution is at hand."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from lightning_cgan.errors import UserError


def low_resolution(image: Tensor, scale: int) -> Tensor:
    """(..., C, H, W) uint8 to (..., C, H/scale, W/scale) uint8 by bicubic interpolation (a = -0.5) with antialiasing.

    It is torch's, in double precision and rounded once, as Matlab's ``imresize`` rounds, with which published low
    resolutions are made. Pillow rounds and clips after each of its two passes: about a tenth of its bytes are one
    level away from these, and some at sharp edges up to five.

    Raises:
        UserError: for sides that are no multiples of ``scale``; :func:`cut` makes them so.
    """
    height, width = image.shape[-2:]
    if height % scale or width % scale:
        raise UserError(
            f"The sides of an image are multiples of the scale {scale} before it is reduced; met {height}x{width}. "
            "Set data.init_args.size, or data.init_args.scale."
        )
    flat = image.reshape(-1, *image.shape[-3:]).double()
    small = interpolate(flat, size=(height // scale, width // scale), mode="bicubic", antialias=True)
    return small.round_().clamp_(0, 255).to(torch.uint8).view(*image.shape[:-2], height // scale, width // scale)


def cut(image: Tensor, scale: int) -> Tensor:
    """``image`` (..., H, W) without the last rows and columns that keep its sides from being multiples of ``scale``."""
    height, width = image.shape[-2:]
    return image[..., : height // scale * scale, : width // scale * scale]
