"""Colours as arrays (3,) of red, green and blue in [0, 1]."""

from colorsys import hsv_to_rgb

import numpy as np
from numpy.random import Generator

from datamodules.render.buildings.shapes import Array

Swatch = tuple[float, float, float]  # hue, saturation, value


def colour(hue: float, saturation: float, value: float) -> Array:
    return np.array(hsv_to_rgb(hue % 1, min(max(saturation, 0), 1), min(max(value, 0), 1)), dtype=np.float32)


def grey(value: float) -> Array:
    return np.full(3, value, dtype=np.float32)


def near(draw: Generator, swatches: list[Swatch], spread: float = 0.04) -> Array:
    """A colour (3,): one of ``swatches`` at random, slightly varied."""
    hue, saturation, value = swatches[draw.integers(len(swatches))]
    return colour(
        hue + draw.normal(0, 0.3 * spread),
        saturation * draw.uniform(1 - 3 * spread, 1 + 3 * spread),
        value * draw.uniform(1 - 3 * spread, 1 + 3 * spread),
    )
