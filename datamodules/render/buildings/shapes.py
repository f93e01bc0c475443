"""Conversion of parts to pixels: boxes on the grid of the label map, and outlines at twice its resolution."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datamodules.render.buildings.layout import Part

Array = NDArray[np.floating]
FINE = 2  # canvas pixels per picture pixel along each axis


class Box(NamedTuple):
    """A rectangle of pixels; ``bottom`` and ``right`` are exclusive."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def place(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    def times(self, factor: int) -> "Box":
        return Box(*(factor * edge for edge in self))


def box_of(part: Part, size: int) -> Box:
    """``part`` in whole pixels of a label map of height ``size``; at least size / 32 and one pixel in each direction.

    Small parts are rounded in size, so that equal parts stay equal; large parts are rounded at their edges.
    """
    thin = max(1, round(size / 32))
    edges = []
    for low, high in ((part.top, part.bottom), (part.left, part.right)):
        first = round(low * size)
        last = round(high * size) if high - low > 0.3 else first + round((high - low) * size)
        edges.append((first, max(last, first + thin)))
    (top, bottom), (left, right) = edges
    return Box(top, left, bottom, right)


def inside(box: Box, height: int, width: int) -> Box:
    return Box(max(box.top, 0), max(box.left, 0), min(box.bottom, height), min(box.right, width))


def grid(box: Box) -> tuple[Array, Array]:
    """Pixel centres of ``box``: y (h, 1) down and x (1, w) right, each in [0, 1]."""
    y = (np.arange(box.height, dtype=np.float32) + 0.5) / box.height
    x = (np.arange(box.width, dtype=np.float32) + 0.5) / box.width
    return y[:, None], x[None, :]


def covered(distance: Array, pixel: float) -> Array:
    """The share of each pixel inside an outline, from the signed ``distance`` to it and the size of a ``pixel``."""
    return np.clip(distance / pixel + 0.5, 0, 1)


def trapezoid(part: Part, box: Box) -> Array:
    y, x = grid(box)
    return covered(0.5 - part.slope * (1 - y) - np.abs(x - 0.5), 1 / box.width)


def steps(part: Part, box: Box) -> Array:
    y, x = grid(box)
    return covered(0.5 - part.slope * (1 - np.ceil(y * 5) / 5) - np.abs(x - 0.5), 1 / box.width)


def arch(part: Part, box: Box) -> Array:
    y, x = grid(box)
    rise = min(0.5 * box.width / box.height, 0.5)
    return covered(y - rise * (1 - np.sqrt(np.maximum(1 - (2 * x - 1) ** 2, 0))), 1 / box.height)


def crown(part: Part, box: Box) -> Array:
    y, x = grid(box)
    draw = np.random.default_rng(part.seed)
    count = 9
    angle, away = draw.uniform(0, 2 * np.pi, count), np.sqrt(draw.uniform(0, 1, count)) * 0.3
    radius = draw.uniform(0.14, 0.24, count)
    places = zip(0.5 + away * np.sin(angle), 0.5 + away * np.cos(angle), radius, strict=True)
    depth = np.full((box.height, box.width), -1, dtype=np.float32)
    for down, right, size in [(0.52, 0.5, 0.3), *places]:
        depth = np.maximum(depth, size - np.sqrt((y - down) ** 2 + (x - right) ** 2))
    return covered(depth + 0.05 * (clouds(draw, box.height, box.width, 10, 10) - 0.5), 1 / box.width)


def whole(part: Part, box: Box) -> Array:
    return np.ones((box.height, box.width), dtype=np.float32)


OUTLINES: dict[str, Callable[[Part, Box], Array]] = {
    "box": whole,
    "trapezoid": trapezoid,
    "steps": steps,
    "arch": arch,
    "crown": crown,
}


def outline(part: Part, box: Box) -> Array:
    """The share (h, w) in [0, 1] of each pixel of ``box`` that ``part`` covers."""
    return OUTLINES[part.shape](part, box)


def halved(fine: Array) -> Array:
    """Means over squares of 2x2 pixels: (2h, 2w, ...) to (h, w, ...)."""
    return (fine[::2, ::2] + fine[1::2, ::2] + fine[::2, 1::2] + fine[1::2, 1::2]) / 4


def stretched(values: Array, height: int, width: int) -> Array:
    """Bilinear interpolation of grid values (n + 1, m + 1, ...) to (height, width, ...).

    Not a matrix product, because the last bits of those depend on the machine.
    """
    for axis, count in ((0, height), (1, width)):
        cells = values.shape[axis] - 1
        place = (np.arange(count, dtype=np.float32) + 0.5) / count * cells
        first = np.minimum(place.astype(np.int64), cells - 1)
        share = (place - first).reshape(-1, *(1,) * (values.ndim - axis - 1))
        low, high = values.take(first, axis), values.take(first + 1, axis)
        values = low + share * (high - low)
    return values


def clouds(draw: np.random.Generator, height: int, width: int, down: int, across: int) -> Array:
    """Smooth noise (height, width) of two octaves around 0.5; the same function at any resolution."""
    noise = np.zeros((height, width), dtype=np.float32)
    for octave, weight in ((1, 0.65), (2, 0.35)):
        values = draw.random((down * octave + 1, across * octave + 1), dtype=np.float32)
        noise += np.float32(weight) * stretched(values, height, width)
    return noise
