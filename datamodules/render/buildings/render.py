"""Renders the label map and picture of a house or a street as a pure function of a key."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from datamodules.render.buildings import openings, surfaces
from datamodules.render.buildings.canvas import Array, Canvas
from datamodules.render.buildings.classes import NUMBER
from datamodules.render.buildings.layout import Part, layout
from datamodules.render.buildings.light import Hour, Light, light
from datamodules.render.buildings.lighting import lit, sky
from datamodules.render.buildings.materials import House, house
from datamodules.render.buildings.plants import tree
from datamodules.render.buildings.shapes import FINE, Box, box_of, halved, inside, outline
from datamodules.render.buildings.surfaces import Job

Key = tuple[int, int, int]  # seed of the set, split, and number of the picture in the split
Map = NDArray[np.uint8]
PAINTERS: dict[str, Callable[[Canvas, Box, Job], None]] = {
    "wall": surfaces.wall,
    "roof": surfaces.roof,
    "window": openings.window,
    "door": openings.door,
    "balcony": surfaces.balcony,
    "sill": surfaces.sill,
    "cornice": surfaces.cornice,
    "shop": openings.shop,
    "tree": tree,
    "pavement": surfaces.pavement,
    "shutter": surfaces.shutter,
}
LAYOUT, STYLE, LIGHT, TEXTURE, SENSOR = range(5)  # purposes of random streams


def stream(key: Key, number: int, purpose: int) -> np.random.Generator:
    """The random generator of one purpose for house ``number`` of a street."""
    return np.random.default_rng([*key, number, purpose])


def layouts(key: Key, houses: int) -> list[list[Part]]:
    """The parts of each house, from left to right; they do not depend on size and hour."""
    return [layout(stream(key, number, LAYOUT)) for number in range(houses)]


def label_map(parts: list[Part], size: int) -> Map:
    """The class numbers (size, size) of the picture of one house."""
    label = np.zeros((size, size), dtype=np.uint8)
    for part in parts:
        box = inside(box_of(part, size), size, size)
        inner = slice(None) if part.shape == "box" else halved(outline(part, box.times(FINE))) >= 0.5
        label[box.place][inner] = NUMBER[part.kind]
    return label


def painted(canvas: Canvas, parts: list[Part], style: House, weather: Light, draw: np.random.Generator) -> None:
    size = canvas.height // FINE
    for part in parts[1:]:  # the sky is added last
        box = inside(box_of(part, size), size, size).times(FINE)
        spot = canvas.part(box)
        before = spot.copy() if part.shape != "box" else None
        PAINTERS[part.kind](canvas, box, Job(part, style, weather, draw))
        if before is not None:
            spot.back_to(before, outline(part, box))


def render(key: Key, size: int, houses: int = 1, hour: Hour | None = None) -> tuple[Map, Map]:
    """A label map (size, size * houses) of class numbers, and its picture (size, size * houses, 3), both uint8.

    Args:
        key: key of the scene. The first house of a street equals the single house of the same key.
        size: height in pixels, at least 32.
        houses: number of houses side by side, each with its own layout and materials, in the same light.
        hour: hour of the picture; random if None. Only the light depends on it.
    """
    plans = layouts(key, houses)
    weather = light(stream(key, 0, LIGHT), hour)
    canvas = Canvas.blank(FINE * size, FINE * size * houses)
    for number, parts in enumerate(plans):
        part = canvas.part(Box(0, number * FINE * size, FINE * size, (number + 1) * FINE * size))
        painted(part, parts, house(stream(key, number, STYLE)), weather, stream(key, number, TEXTURE))
    sensor = stream(key, 0, SENSOR)
    picture = lit(canvas, weather)
    picture += (1 - canvas.solid)[..., None] * (sky(canvas, weather, sensor) - picture)
    label = np.concatenate([label_map(parts, size) for parts in plans], axis=1)
    return label, sensed(picture, weather, sensor)


def sensed(picture: Array, weather: Light, draw: np.random.Generator) -> Map:
    """The picture as uint8, at half the resolution and with sensor noise."""
    small = halved(picture)
    small += weather.noise * draw.standard_normal(small.shape, dtype=np.float32)
    return (255 * np.clip(small, 0, 1)).round().astype(np.uint8)
