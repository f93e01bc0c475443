"""Random 3D models of cars and chairs, made of boxes; shape, proportions and grey levels vary within a family."""

from collections.abc import Callable
from enum import Enum

import numpy as np

from datamodules.render.solids import Face, box, frustum, plate, wheel

Draw = np.random.Generator


def car(draw: Draw) -> list[Face]:
    """A random car: a body, a cabin with windows and a roof, four wheels and two headlights."""
    length, width = draw.uniform(0.85, 1.2), draw.uniform(0.42, 0.54)  # half sizes
    radius, body = draw.uniform(0.17, 0.24), draw.uniform(0.32, 0.44)
    grey, glass, tyre = draw.uniform(0.3, 0.85), draw.uniform(0.08, 0.25), draw.uniform(0.03, 0.12)
    floor = -0.5 + 0.6 * radius
    deck = floor + body
    parts = box((-length, -width, floor), (length, width, deck), grey)
    parts += cabin(draw, length, width, deck, (grey, glass))
    axle = draw.uniform(0.55, 0.68) * length
    for x in (-axle, axle):
        for y in (-width, width):
            parts += wheel((x, y, floor), radius, 0.16, tyre)
    lamp, size = draw.uniform(0.9, 1.0), draw.uniform(0.1, 0.16)
    middle = floor + draw.uniform(0.5, 0.7) * body
    for side in (-1, 1):
        y = side * (width - 0.6 * size - 0.04)
        parts += plate(length + 0.01, (y - size / 2, y + size / 2), (middle - size / 3, middle + size / 3), lamp)
    return parts


def cabin(draw: Draw, length: float, width: float, deck: float, greys: tuple[float, float]) -> list[Face]:
    """A cabin at a random position along the car: windows on all sides, and a roof in the grey of the body."""
    half, place = draw.uniform(0.38, 0.62) * length, draw.uniform(-0.32, 0.05) * length
    rear, front = max(place - half, -0.97 * length), place + half
    height, slope = draw.uniform(0.3, 0.42), draw.uniform(0.12, 0.3)
    back_slope = draw.uniform(0.02, 0.28)
    inset = draw.uniform(0.03, 0.09)
    grey, glass = greys
    bottom = (rear, -0.97 * width, deck), (front, 0.97 * width, deck)
    roof = deck + height
    top = (rear + back_slope, inset - width, roof), (front - slope, width - inset, roof)
    return frustum(bottom, top, (grey, glass, 1.3 * glass))


def chair(draw: Draw) -> list[Face]:
    """A random chair: a seat on four legs and a back, a panel or slats; some have armrests."""
    width, depth = draw.uniform(0.44, 0.6), draw.uniform(0.42, 0.56)  # half sizes
    seat, thick, leg = draw.uniform(-0.3, -0.08), draw.uniform(0.07, 0.14), draw.uniform(0.05, 0.1)
    grey, top = draw.uniform(0.35, 0.85), seat + draw.uniform(0.75, 1.1)
    other = float(np.clip(grey * draw.uniform(0.6, 1.2), 0.2, 0.95))
    parts = box((-depth, -width, seat), (depth, width, seat + thick), grey)
    for x in (-depth, depth - 2 * leg):
        for y in (-width, width - 2 * leg):
            parts += box((x, y, -1.0), (x + 2 * leg, y + 2 * leg, seat), other)
    parts += back_rest(draw, (width, depth), (seat + thick, top), grey)
    if draw.random() < 0.3:
        rest = seat + draw.uniform(0.38, 0.5)
        for y in (-width, width - 1.5 * leg):
            parts += box((-depth, y, rest), (0.6 * depth, y + 1.5 * leg, rest + leg), other)
            parts += box((0.3 * depth, y, seat + thick), (0.3 * depth + 1.5 * leg, y + 1.5 * leg, rest), other)
    return parts


def back_rest(draw: Draw, halves: tuple[float, float], height: tuple[float, float], grey: float) -> list[Face]:
    """The back of a chair: a panel, or vertical slats under a rail."""
    (width, depth), (low, high) = halves, height
    thick = draw.uniform(0.08, 0.16)
    if draw.random() < 0.6:
        return box((-depth, -width, low), (thick - depth, width, high), grey)
    slats, share = int(draw.integers(3, 6)), draw.uniform(0.35, 0.6)
    step, rail = 2 * width / slats, draw.uniform(0.12, 0.25)
    parts = box((-depth, -width, high - rail), (thick - depth, width, high), grey)
    for number in range(slats):
        y = -width + step * (number + (1 - share) / 2)
        parts += box((-depth, y, low), (thick - depth, y + share * step, high - rail), grey)
    return parts


class Family(Enum):
    """Families of objects."""

    cars = (car,)
    chairs = (chair,)

    def __init__(self, make: Callable[[Draw], list[Face]]) -> None:
        self.make = make
