"""Padding and tiling, to apply a translation network to images of any size."""

from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor, nn

from lightning_cgan.errors import UserError
from lightning_cgan.interfaces import HasMultiple

Translation = Callable[[Tensor], Tensor]


def mirrored(length: int, extra: int, device: torch.device | None = None) -> Tensor:
    """Indices (length + extra,) of a reflection padding of 0 ... length - 1, the end values not repeated.

    Half of ``extra`` lies before and half after. Reflection repeats as often as needed: ``extra`` has no upper bound.
    """
    index = torch.arange(length + extra, device=device) - extra // 2
    period = max(2 * (length - 1), 1)
    index = index.remainder(period)
    return torch.minimum(index, period - index) if length > 1 else index


def padded(translate: Translation, image: Tensor, multiple: int) -> Tensor:
    """``translate(image)`` with (B, C, H, W) reflection-padded to multiples of ``multiple``, and the output cropped."""
    height, width = image.shape[-2:]
    more = [-side % multiple for side in (height, width)]
    if not any(more):
        return translate(image)
    rows, columns = (mirrored(side, extra, image.device) for side, extra in zip((height, width), more, strict=True))
    top, left = (extra // 2 for extra in more)
    return translate(image[..., rows[:, None], columns])[..., top : top + height, left : left + width]


def check_sides(height: int, width: int, multiple: int) -> None:
    """Check that ``height`` and ``width`` in pixels are multiples of ``multiple``.

    Raises:
        UserError: if they are not, with the setting that pads images.
    """
    if height % multiple or width % multiple:
        raise UserError(
            f"This generator takes images whose sides are multiples of {multiple}; got {height}x{width} pixels. "
            "Set model.init_args.pad to true, or data.init_args.size."
        )


def check_tiles(tile: int, overlap: int) -> None:
    """Check that ``overlap`` is from 0 to below ``tile``, both in pixels.

    Raises:
        UserError: if it is not.
    """
    if not 0 <= overlap < tile:
        raise UserError(
            f"Tiles overlap by 0 pixels or more, and by less than their side; got overlap {overlap} of tile {tile}. "
            "Set model.init_args.overlap and model.init_args.tile."
        )


def tiled(translate: Translation, image: Tensor, tile: int, overlap: int) -> Tensor:
    """``translate(image)`` tile by tile, for images that do not fit in memory as a whole.

    Tiles are blended linearly over their overlap, so no seams are visible: each pixel is a weighted mean of the tiles
    that cover it. An image that fits in one tile is translated directly.

    Args:
        translate: (B, C, h, w) to (B, C', h, w), with h and w at most ``tile``.
        image: (B, C, H, W).
        tile: side of the square tiles in pixels.
        overlap: smallest overlap of two neighbouring tiles in pixels; below ``tile``.

    Returns:
        (B, C', H, W).

    Raises:
        UserError: for an overlap below 0 or not below the tile.
    """
    check_tiles(tile, overlap)
    height, width = image.shape[-2:]
    if max(height, width) <= tile:
        return translate(image)
    total = weight = torch.zeros(1, device=image.device)
    for top, left in product(starts(height, tile, overlap), starts(width, tile, overlap)):
        at = (..., slice(top, top + tile), slice(left, left + tile))
        part = translate(image[at])
        if total.ndim == 1:  # the first tile determines the number of output channels
            total, weight = total.new_zeros(*part.shape[:2], height, width), weight.new_zeros(height, width)
        fade = faded(part.shape[-2], overlap)[:, None] * faded(part.shape[-1], overlap)
        total[at] += part * fade.to(part.device)
        weight[at] += fade.to(part.device)
    return total / weight


def starts(length: int, tile: int, overlap: int) -> list[int]:
    """First pixels of the tiles that cover ``length`` pixels: as few as the overlap allows, evenly spaced."""
    tiles = max(1, -(-(length - overlap) // (tile - overlap)))
    return [number * max(length - tile, 0) // max(tiles - 1, 1) for number in range(tiles)]


def faded(length: int, overlap: int) -> Tensor:
    """Blending weights (length,) of a tile: linear ramps over ``overlap`` pixels at both ends, 1 between."""
    ramp = torch.arange(1.0, length + 1)
    return torch.minimum(ramp, ramp.flip(0)).div(overlap + 1).clamp(max=1)


def multiple_of(network: nn.Module) -> int:
    """The number of pixels that input sides must be a multiple of; 1 if the network declares none."""
    return network.multiple if isinstance(network, HasMultiple) else 1
