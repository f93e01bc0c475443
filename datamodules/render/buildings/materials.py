"""Random materials and colours of a house, which do not affect its label map."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from datamodules.render.buildings.colours import near
from datamodules.render.buildings.shapes import Array

# hue, saturation, value
PLASTER = [
    (0.11, 0.25, 0.9), (0.09, 0.5, 0.85), (0.04, 0.38, 0.85), (0.97, 0.25, 0.85), (0.13, 0.06, 0.92),
    (0.57, 0.25, 0.82), (0.32, 0.22, 0.7), (0.03, 0.55, 0.65), (0.1, 0.04, 0.62), (0.14, 0.5, 0.92),
    (0.6, 0.3, 0.5), (0.25, 0.35, 0.55), (0.02, 0.65, 0.5), (0.08, 0.15, 0.45),
]  # fmt: skip
BRICK = [
    (0.02, 0.6, 0.55), (0.03, 0.55, 0.7), (0.05, 0.5, 0.48),
    (0.1, 0.42, 0.72), (0.0, 0.5, 0.42), (0.1, 0.06, 0.85),
]  # fmt: skip
STONE = [(0.11, 0.18, 0.78), (0.09, 0.28, 0.66), (0.6, 0.05, 0.6), (0.1, 0.08, 0.85), (0.07, 0.3, 0.55)]
SIDING = [
    (0.1, 0.04, 0.93), (0.58, 0.3, 0.65), (0.3, 0.15, 0.7),
    (0.01, 0.6, 0.5), (0.13, 0.35, 0.85), (0.6, 0.08, 0.5),
]  # fmt: skip
WALLS = {"plaster": PLASTER, "brick": BRICK, "stone": STONE, "siding": SIDING}
TILES = [
    (0.03, 0.62, 0.6), (0.05, 0.6, 0.7), (0.6, 0.12, 0.36),
    (0.07, 0.35, 0.36), (0.42, 0.25, 0.5), (0.6, 0.05, 0.5),
]  # fmt: skip
TRIM = [(0.1, 0.05, 0.95), (0.1, 0.14, 0.88), (0.1, 0.1, 0.8), (0.6, 0.04, 0.85), (0.1, 0.2, 0.66), (0.05, 0.35, 0.4)]
FRAMES = [(0.1, 0.03, 0.95), (0.1, 0.04, 0.9), (0.6, 0.03, 0.92), (0.07, 0.55, 0.35), (0.4, 0.35, 0.3)]
PAINT = [(0.35, 0.55, 0.35), (0.6, 0.6, 0.45), (0.0, 0.65, 0.5), (0.07, 0.6, 0.4), (0.1, 0.1, 0.85), (0.5, 0.4, 0.45)]
LEAVES = [
    (0.28, 0.6, 0.45), (0.33, 0.6, 0.38), (0.25, 0.62, 0.5), (0.3, 0.55, 0.42), (0.22, 0.6, 0.55), (0.27, 0.6, 0.4),
    (0.12, 0.65, 0.6), (0.07, 0.7, 0.55), (0.95, 0.25, 0.8),
]  # fmt: skip
AWNINGS = [(0.0, 0.7, 0.7), (0.35, 0.6, 0.45), (0.6, 0.6, 0.6), (0.1, 0.7, 0.85), (0.8, 0.4, 0.55), (0.0, 0.0, 0.3)]


@dataclass(frozen=True)
class House:
    """The materials and colours of one house."""

    material: str
    wall: Array  # (3,), like all colours
    base: Array | None  # colour of the ground floor; None: that of the wall
    course: float  # height of a brick, stone or board
    phase: tuple[float, float]
    mortar: float
    roof: Array
    tile: float  # height of a row of tiles
    trim: Array
    frame: Array
    surround: bool  # whether windows have a trim
    bars: int  # pattern of the window bars, 0 to 4
    door: Array
    shutter: Array
    iron: bool  # whether balconies are of iron instead of stone
    rail: float  # distance between the bars of a balcony
    awning: Array
    awning_length: float  # as a share of the shop's height; 0: no awning
    sign: Array
    leaves: Array
    blind: Array
    each: NDArray[np.float64]  # (64, 6) in [0, 1): random states of windows, doors and shops, one row each, cyclically


def house(draw: Generator) -> House:
    material = str(draw.choice(list(WALLS), p=[0.37, 0.33, 0.2, 0.1]))
    course = {"plaster": 0.05, "brick": 0.03, "stone": 0.062, "siding": 0.026}[material]
    wall, darker = near(draw, WALLS[material]), draw.uniform(0.55, 1.15)
    base = near(draw, STONE) if draw.random() < 0.5 else np.clip(wall * darker, 0, 1)
    awning = draw.random() < 0.7
    return House(
        material=material,
        wall=wall,
        base=base if draw.random() < 0.4 else None,
        course=course * draw.uniform(0.85, 1.3),
        phase=(draw.uniform(0, 1), draw.uniform(0, 1)),
        mortar=draw.uniform(-0.25, 0.35),
        roof=near(draw, TILES),
        tile=draw.uniform(0.022, 0.034),
        trim=near(draw, TRIM) if draw.random() < 0.75 else np.clip(wall * 1.15, 0, 1),
        frame=near(draw, FRAMES),
        surround=draw.random() < 0.45,
        bars=int(draw.integers(5)),
        door=near(draw, PAINT),
        shutter=near(draw, PAINT),
        iron=draw.random() < 0.65,
        rail=draw.uniform(0.02, 0.035),
        awning=near(draw, AWNINGS),
        awning_length=draw.uniform(0.2, 0.38) * awning,
        sign=near(draw, AWNINGS),
        leaves=near(draw, LEAVES),
        blind=near(draw, TRIM),
        each=draw.random((64, 6)),
    )
