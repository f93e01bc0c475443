"""Random hour and weather, the same for all houses of a street."""

from enum import Enum
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from datamodules.render.buildings.colours import colour, near
from datamodules.render.buildings.shapes import Array

PAVEMENTS = [(0.1, 0.05, 0.6), (0.6, 0.05, 0.45), (0.08, 0.2, 0.55), (0.1, 0.03, 0.75)]


class Hour(Enum):
    """The time of day of a picture."""

    day = "day"
    dusk = "dusk"
    night = "night"


SHARES = [0.58, 0.24, 0.18]  # probabilities of the hours if none is given


class Air(NamedTuple):
    """Daylight and sky. Colours are (3,)."""

    ambient: Array  # colour of a white wall
    zenith: Array
    horizon: Array
    cloud: Array
    cover: float  # share of the sky covered by clouds
    sunny: bool = False  # whether there may be shadows


class Light(NamedTuple):
    """The light in one picture."""

    hour: Hour
    air: Air
    side: float  # -1: the sun is to the left; 1: to the right
    slant: float  # difference in brightness between the two sides
    shadow: float | None  # edge of the shadow of the house opposite, as a share of the width; None: no shadow
    shadow_slope: float
    shadow_depth: float
    lamp: tuple[float, float]  # position of a street lamp: x as a share of the width, and y
    lamp_light: float  # strength of the street lamp
    lit: float  # share of windows with the light on
    noise: float  # standard deviation of the sensor noise
    pavement: Array  # (3,)


def air(hour: Hour, hue: float, depth: float, cover: float, overcast: bool) -> Air:
    """Daylight and sky at ``hour``; ``hue`` shifts the hues, ``depth`` in [0, 1] ranges from pale to strong colours."""
    if hour is Hour.night:
        ambient = np.array([0.21, 0.23, 0.36]) * (0.8 + 0.5 * depth)
        zenith, horizon = colour(0.65 + hue, 0.6, 0.09), colour(0.67 + 2 * hue, 0.5, 0.2 + 0.1 * depth)
        return Air(ambient, zenith, horizon, colour(0.7, 0.3, 0.2), cover)
    if hour is Hour.dusk:
        ambient = np.array([0.84, 0.62, 0.52]) * (0.8 + 0.3 * depth)
        zenith, horizon = colour(0.68 + 3 * hue, 0.3, 0.6), colour(0.07 + hue, 0.5, 0.97)
        return Air(ambient, zenith, horizon, colour(0.98 + hue, 0.35, 0.85), cover)
    if overcast:
        ambient, cloud = np.array([0.8, 0.83, 0.87]), np.array([0.76, 0.78, 0.8], dtype=np.float32)
        return Air(ambient, colour(0.6, 0.1, 0.68), colour(0.6, 0.04, 0.86), cloud, 0.9)
    ambient, cloud = np.array([1.0, 0.985, 0.95]), np.array([0.97, 0.97, 0.98], dtype=np.float32)
    zenith = colour(0.585 + hue, 0.35 + 0.35 * depth, 0.72 + 0.18 * depth)
    return Air(ambient, zenith, colour(0.57 + hue, 0.12 + 0.15 * depth, 0.95), cloud, cover, sunny=True)


def light(draw: Generator, hour: Hour | None = None) -> Light:
    """Random hour and weather. A given ``hour`` replaces the random one; all other random values stay the same."""
    drawn = list(Hour)[draw.choice(3, p=SHARES)]
    hour = hour or drawn
    exposure, warmth, overcast = draw.uniform(0.9, 1.1), draw.normal(0, 0.03), draw.random() < 0.25
    tint = np.array([1 + warmth, 1, 1 - warmth], dtype=np.float32)
    daylight = air(hour, draw.normal(0, 0.02), draw.uniform(0, 1), draw.uniform(0.1, 0.75), overcast)
    side, slant = (-1.0 if draw.random() < 0.5 else 1.0), draw.uniform(0.05, 0.3)
    edge, slope, dark, falls = draw.uniform(0.1, 0.9), draw.uniform(0.25, 0.9), draw.uniform(0.5, 0.68), draw.random()
    lamp = draw.uniform(0.05, 0.95), draw.uniform(0.6, 0.75)
    strength, share, noise = draw.uniform(0.25, 0.9), draw.uniform(0, 1), draw.uniform(0.008, 0.018)
    return Light(
        hour=hour,
        air=daylight._replace(ambient=(daylight.ambient * exposure * tint).astype(np.float32)),
        side=side,
        slant=slant if hour is not Hour.night else 0.0,
        shadow=edge if daylight.sunny and falls < 0.4 else None,
        shadow_slope=slope,
        shadow_depth=dark,
        lamp=lamp,
        lamp_light={Hour.day: 0.0, Hour.dusk: 0.12, Hour.night: 0.75}[hour] * strength,
        lit={Hour.day: 0.04 + 0.06 * share, Hour.dusk: 0.35 + 0.35 * share, Hour.night: 0.2 + 0.4 * share}[hour],
        noise=noise * (1.2 if hour is Hour.night else 1.0),
        pavement=near(draw, PAVEMENTS),
    )
