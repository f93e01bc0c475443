"""Images of any size for networks that take some sizes, or that do not fit in memory."""

from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor

from lightning_cgan.errors import UserError

Translation = Callable[[Tensor], Tensor]


def mirrored(length: int, extra: int) -> Tensor:
    """The places 0 ... length - 1, with ``extra`` more that mirror them at both ends, the ends themselves not repeated.

    Half of them lie before and half behind. They are mirrored as often as it takes, so ``extra`` has no bound.
    """
    place = torch.arange(length + extra) - extra // 2
    period = max(2 * (length - 1), 1)
    place = place.remainder(period)
    return torch.minimum(place, period - place) if length > 1 else place


def padded(translate: Translation, image: Tensor, multiple: int) -> Tensor:
    """``translate`` of ``image`` (B, C, H, W), whose sides are mirrored up to multiples and then cut back."""
    height, width = image.shape[-2:]
    more = [-side % multiple for side in (height, width)]
    if not any(more):
        return translate(image)
    rows, columns = (mirrored(side, extra).to(image.device) for side, extra in zip((height, width), more, strict=True))
    top, left = (extra // 2 for extra in more)
    return translate(image[..., rows[:, None], columns])[..., top : top + height, left : left + width]


def check_sides(height: int, width: int, multiple: int) -> None:
    """Refuse sides in pixels that a generator cannot take and bring back.

    Raises:
        UserError: naming what pads them.
    """
    if height % multiple or width % multiple:
        raise UserError(
            f"This generator takes images whose sides are multiples of {multiple}; met {height}x{width} pixels. "
            "Set model.init_args.pad to true, or data.init_args.size."
        )


def check_tiles(tile: int, overlap: int) -> None:
    """Refuse squares that do not advance.

    Raises:
        UserError: naming both numbers.
    """
    if not 0 <= overlap < tile:
        raise UserError(
            f"Tiles overlap by 0 pixels or more, and by less than their side; met overlap {overlap} of tile {tile}. "
            "Set model.init_args.overlap and model.init_args.tile."
        )


def tiled(translate: Translation, image: Tensor, tile: int, overlap: int) -> Tensor:
    """``translate`` of ``image`` (B, C, H, W) square by square, for images that do not fit in memory as a whole.

    The squares overlap, and each fades into the next over the overlap, so no seam shows. Every pixel is a weighted mean
    of the squares that hold it; where one square holds the whole image, it is translated as it is.

    Args:
        translate: (B, C, h, w) to (B, C', h, w), with h and w at most ``tile``.
        image: (B, C, H, W).
        tile: side of the squares in pixels.
        overlap: pixels that two neighbours have in common, at least; below ``tile``.

    Raises:
        UserError: for an overlap that is not below the tile, or below 0.
    """
    check_tiles(tile, overlap)
    height, width = image.shape[-2:]
    if max(height, width) <= tile:
        return translate(image)
    total = weight = torch.zeros(1, device=image.device)
    for top, left in product(starts(height, tile, overlap), starts(width, tile, overlap)):
        at = (..., slice(top, top + tile), slice(left, left + tile))
        part = translate(image[at])
        if total.ndim == 1:  # the first says how many channels come out
            total, weight = total.new_zeros(*part.shape[:2], height, width), weight.new_zeros(height, width)
        fade = faded(part.shape[-2], overlap)[:, None] * faded(part.shape[-1], overlap)
        total[at] += part * fade.to(part.device)
        weight[at] += fade.to(part.device)
    return total / weight


def starts(length: int, tile: int, overlap: int) -> list[int]:
    """Where tiles begin that cover ``length`` pixels: as few as the overlap allows, evenly spread, none beyond it."""
    tiles = max(1, -(-(length - overlap) // (tile - overlap)))
    return [place * max(length - tile, 0) // max(tiles - 1, 1) for place in range(tiles)]


def faded(length: int, overlap: int) -> Tensor:
    """(length,) weights: up in a straight line over ``overlap`` pixels at either end, 1 between."""
    place = torch.arange(1.0, length + 1)
    return torch.minimum(place, place.flip(0)).div(overlap + 1).clamp(max=1)
