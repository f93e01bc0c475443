"""Painters of walls, roofs, cornices, sills, balconies, shutters and pavement."""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from datamodules.render.buildings.canvas import Array, Canvas
from datamodules.render.buildings.colours import grey
from datamodules.render.buildings.layout import Part
from datamodules.render.buildings.light import Light
from datamodules.render.buildings.materials import House
from datamodules.render.buildings.shapes import Box, clouds


class Job(NamedTuple):
    """The arguments of a painter."""

    part: Part
    house: House
    light: Light
    draw: Generator  # for textures


def courses(spot: Canvas, job: Job, high: float, wide: float, spread: float) -> tuple[Array, Array]:
    """Rows of bricks, each shifted by half a brick: brightness (h, w) around 1, and a mask (h, w) of the joints.

    Args:
        spot: canvas that gives height and width.
        job: its random generator and house are used.
        high: height of a row in pixels.
        wide: width of a brick in pixels.
        spread: standard deviation of the brightness of bricks.
    """
    y = np.arange(spot.height)[:, None] + job.house.phase[0] * high
    row = (y // high).astype(int)
    x = np.arange(spot.width)[None, :] + job.house.phase[1] * wide + (row % 2) * wide / 2
    column = (x // wide).astype(int)
    table = job.draw.normal(1, spread, (32, 32)).astype(np.float32)
    joint = (y % high < spot.unit) | (x % wide < spot.unit)
    return table[row % 32, column % 32], joint.astype(np.float32)


def wall(canvas: Canvas, box: Box, job: Job) -> None:
    house, spot = job.house, canvas.part(box)
    colour, material, high = house.wall, house.material, house.course * canvas.scale
    if job.part.role == "base":
        if house.base is None:
            return
        colour, material, high = house.base, "stone", 0.06 * canvas.scale
    texture = 1 + 0.16 * (clouds(job.draw, spot.height, spot.width, 6, 6) - 0.5)
    if material == "plaster":
        texture += 0.02 * job.draw.standard_normal(texture.shape, dtype=np.float32)
        joint = np.zeros_like(texture)
    elif material == "siding":
        place = (np.arange(spot.height)[:, None] / high + house.phase[0]) % 1
        texture, joint = texture * (0.84 + 0.22 * place), np.zeros_like(texture)
    else:
        wide, spread = {"brick": (2.5, 0.11), "stone": (1.9, 0.07)}[material]
        bricks, joint = courses(spot, job, high, wide * high, spread)
        texture = texture * bricks
    mortar = np.clip(colour * (1 + house.mortar), 0, 1)
    paint = texture[..., None] * colour
    spot.put(paint + 0.75 * joint[..., None] * (mortar - paint))
    if job.part.role != "chimney":
        aged(spot, job)


def aged(spot: Canvas, job: Job) -> None:
    """Paint dirt near the ground, and cornerstones on some houses."""
    y = np.linspace(0, 1, spot.height, dtype=np.float32)[:, None, None]
    spot.darken(1 - 0.1 * y * y * y)
    if job.house.each[0, 5] < 0.3 and job.part.shape == "box":
        high, wide = max(4 * spot.unit, 1), 5 * spot.unit
        for top in range(0, spot.height, 2 * high):
            for stones in (
                spot.box(top, 0, top + high, wide),
                spot.box(top, spot.width - wide, top + high, spot.width),
            ):
                stones.put(job.house.trim * 0.92)


def roof(canvas: Canvas, box: Box, job: Job) -> None:
    spot = canvas.part(box)
    high = job.house.tile * canvas.scale
    tiles, joint = courses(spot, job, high, 0.9 * high, 0.1)
    y = np.linspace(0, 1, spot.height, dtype=np.float32)[:, None]
    texture = tiles * (1.08 - 0.2 * y) * (1 - 0.28 * joint)
    spot.put(texture[..., None] * job.house.roof)


def cornice(canvas: Canvas, box: Box, job: Job) -> None:
    spot, unit = canvas.part(box), canvas.unit
    profile = np.interp(np.linspace(0, 1, spot.height), [0, 0.25, 0.5, 0.8, 1], [1.12, 1.05, 0.85, 0.95, 0.7])
    spot.put(profile[:, None, None].astype(np.float32) * job.house.trim)
    if spot.height >= 4 * unit and job.house.each[1, 5] < 0.6:
        teeth = np.arange(spot.width) // (2 * unit) % 2 == 0
        middle = spot.box(spot.height // 2, 0, spot.height - unit, spot.width)
        middle.darken(np.where(teeth, 0.68, 1.05).astype(np.float32)[None, :, None])
    canvas.shadow_below(box, 0.45, 4 * unit)


def sill(canvas: Canvas, box: Box, job: Job) -> None:
    spot = canvas.part(box)
    profile = np.linspace(1.1, 0.72, spot.height, dtype=np.float32)
    spot.put(profile[:, None, None] * job.house.trim)
    canvas.shadow_below(box, 0.35, 3 * canvas.unit)


def balcony(canvas: Canvas, box: Box, job: Job) -> None:
    spot, unit, house = canvas.part(box), canvas.unit, job.house
    slab = 2 * unit
    canvas.shadow_below(box, 0.5, 5 * unit)
    gap = max(house.rail * canvas.scale, 2.0 * unit)
    x = np.arange(spot.width) + house.phase[1] * gap
    rails = spot.box(0, 0, spot.height - slab, spot.width)
    if house.iron:
        bars = np.broadcast_to(x % gap < unit, (rails.height, rails.width)).astype(np.float32)
        bars[:unit] = 1
        bars[-unit:] = 1
        rails.darken(0.72)  # shade behind the bars
        rails.put(grey(0.07), 0.92 * bars)
        spot.box(spot.height - slab, 0, spot.height, spot.width).put(house.trim * 0.62)
        return
    balusters = np.where(x % gap < 0.62 * gap, 0.95, 0.38).astype(np.float32)
    rails.put(balusters[None, :, None] * house.trim)
    rails.box(0, 0, 2 * unit, rails.width).put(house.trim * 1.05)
    spot.box(spot.height - slab, 0, spot.height, spot.width).put(house.trim * 0.8)


def shutter(canvas: Canvas, box: Box, job: Job) -> None:
    spot, unit = canvas.part(box), canvas.unit
    slats = np.where(np.arange(spot.height) // unit % 2 == 0, 1.08, 0.8).astype(np.float32)
    spot.put(slats[:, None, None] * job.house.shutter)
    spot.box(0, spot.width - unit, spot.height, spot.width).darken(0.75)


def pavement(canvas: Canvas, box: Box, job: Job) -> None:
    spot, unit = canvas.part(box), canvas.unit
    kerb = spot.height // 2
    texture = 1 + 0.15 * (clouds(job.draw, spot.height, spot.width, 2, 16) - 0.5)
    spot.put(texture[..., None] * job.light.pavement)
    slabs = np.arange(spot.width) % (9 * unit) < unit
    spot.box(0, 0, kerb, spot.width).darken(np.where(slabs, 0.82, 1.0).astype(np.float32)[None, :, None])
    spot.box(0, 0, unit, spot.width).darken(0.6)  # shadow at the foot of the house
    spot.box(kerb, 0, kerb + unit, spot.width).darken(1.2)
    spot.box(kerb + unit, 0, spot.height, spot.width).darken(0.55)
