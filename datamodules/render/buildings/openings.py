"""Painters of windows, doors and shops in random states."""

import numpy as np

from datamodules.render.buildings.canvas import Array, Canvas
from datamodules.render.buildings.colours import grey
from datamodules.render.buildings.light import Hour
from datamodules.render.buildings.shapes import Box
from datamodules.render.buildings.surfaces import Job

WARM = np.array([1.0, 0.76, 0.4], dtype=np.float32)
DARK = np.array([0.09, 0.1, 0.12], dtype=np.float32)


def framed(spot: Canvas, unit: int) -> Canvas:
    """The part of ``spot`` inside a frame of width ``unit``."""
    return spot.box(unit, unit, spot.height - unit, spot.width - unit)


def reflection(spot: Canvas, job: Job, strength: float) -> Array:
    """The reflection (H, W, 3) of the sky in a pane, with a bright diagonal streak."""
    y = np.linspace(0, 1, spot.height, dtype=np.float32)[:, None, None]
    x = np.linspace(0, 1, spot.width, dtype=np.float32)[None, :, None]
    air = job.light.air
    sky = air.zenith + (air.horizon - air.zenith) * (1 - y)
    streak = np.abs(x + 0.6 * y - 0.4 - 0.7 * strength) < 0.14
    return sky * (0.3 + 0.35 * strength + 0.22 * streak)


def window(canvas: Canvas, box: Box, job: Job) -> None:
    house, unit = job.house, canvas.unit
    state = house.each[job.part.number % len(house.each)]
    if house.surround and job.part.shape == "box":
        around = canvas.box(box.top - 2 * unit, box.left - unit, box.bottom, box.right + unit)
        around.put(house.trim * 0.95)
    spot = canvas.part(box)
    spot.put(house.frame)
    glass = framed(spot, unit)
    if state[0] < job.light.lit:
        lamp(glass, job, state)
    else:
        unlit(glass, job, state)
    bars(glass, house.bars, unit, house.frame)
    glass.box(0, 0, unit, glass.width).darken(0.55)
    edge = 0 if job.light.side < 0 else spot.width - unit
    spot.box(0, edge, spot.height, edge + unit).darken(0.62)  # shadow of the frame
    spot.box(0, 0, unit, spot.width).darken(0.58)


def lamp(glass: Canvas, job: Job, state: Array) -> None:
    y = np.linspace(0, 1, glass.height, dtype=np.float32)[:, None, None]
    tint = np.array([0.62, 0.8, 1.0]) if state[3] < 0.08 else WARM + np.array([0, 0.18, 0.35]) * (state[3] - 0.4)
    strength = {Hour.day: 0.7, Hour.dusk: 0.9, Hour.night: 0.88}[job.light.hour] * (0.7 + 0.4 * state[4])
    glow = (strength * (1.08 - 0.3 * y) * tint).astype(np.float32)
    glass.put(DARK, glow=np.broadcast_to(glow, glass.paint.shape))
    if state[2] < 0.35:  # curtains in front of the light
        wide = max(round(glass.width * (0.15 + 0.15 * state[1])), 1)
        for side in (glass.box(0, 0, glass.height, wide), glass.box(0, glass.width - wide, glass.height, glass.width)):
            side.glow *= 0.5
    elif state[2] < 0.5:
        glass.box(0, 0, round(glass.height * state[1]), glass.width).glow[:] *= 0.55


def unlit(glass: Canvas, job: Job, state: Array) -> None:
    mirrored = reflection(glass, job, state[2] if state[1] < 0.5 else 0.25 * state[2])
    glass.put(DARK, glow=mirrored * (1.0 if state[1] < 0.5 else 0.5))
    if 0.62 < state[1] < 0.82:
        cloth = np.array([0.85, 0.82, 0.76], dtype=np.float32) * (0.7 + 0.3 * state[3])
        wide = max(round(glass.width * (0.2 + 0.2 * state[4])), 1)
        glass.box(0, 0, glass.height, wide).put(cloth)
        glass.box(0, glass.width - wide, glass.height, glass.width).put(cloth)
    elif state[1] >= 0.82:
        glass.box(0, 0, max(round(glass.height * (0.25 + 0.75 * state[3])), 1), glass.width).put(job.house.blind * 0.85)


def bars(glass: Canvas, pattern: int, unit: int, colour: Array) -> None:
    """Paint window bars: upright, cross, upright with a transom, grid or sash, for ``pattern`` 0 to 4."""
    height, width = glass.height, glass.width
    middle, half, third = (width - unit) // 2, (height - unit) // 2, (height - unit) // 3
    if pattern != 4:
        glass.box(0, middle, height, middle + unit).put(colour)
    across = {0: [], 1: [half], 2: [third], 3: [third, 2 * third + unit // 2], 4: [half]}[pattern]
    for top in across:
        glass.box(top, 0, top + unit, width).put(colour)


def door(canvas: Canvas, box: Box, job: Job) -> None:
    house, unit, state = job.house, canvas.unit, job.house.each[20 + job.part.number]
    spot = canvas.part(box)
    spot.put(house.trim * 0.9)
    leaf = spot.box(2 * unit, 2 * unit, spot.height - 2 * unit, spot.width - 2 * unit)
    leaf.put(house.door)
    leaf.box(0, 0, unit, leaf.width).darken(0.5)
    fan = max(leaf.height // 5, 2 * unit)
    if state[0] < 0.6:
        over = leaf.box(0, 0, fan, leaf.width)
        lit = state[1] < 0.3 + job.light.lit and job.light.hour is not Hour.day
        over.put(DARK, glow=0.8 * WARM if lit else reflection(over, job, 0.4 * state[2]))
        leaf.box(fan, 0, fan + unit, leaf.width).put(house.trim * 0.8)
    panels = leaf.box(fan + 2 * unit, 0, leaf.height, leaf.width)
    middle = panels.width // 2
    panels.box(0, middle, panels.height, middle + unit).darken(0.55)
    for left in (unit, middle + 2 * unit):
        right = left + max(middle - 2 * unit, unit)
        for top in (unit, panels.height // 2 + unit):
            panels.box(top, left, top + panels.height // 2 - 2 * unit, right).darken(0.8 if state[3] < 0.5 else 1.18)
    spot.box(spot.height - 2 * unit, 0, spot.height, spot.width).put(grey(0.55))


def shop(canvas: Canvas, box: Box, job: Job) -> None:
    house, unit, state = job.house, canvas.unit, job.house.each[30 + job.part.number]
    spot = canvas.part(box)
    spot.put(house.sign * 0.55)
    sign = max(round(0.16 * spot.height), 2 * unit)
    spot.box(0, 0, sign, spot.width).put(house.sign)
    letters = job.draw.random(spot.width // (2 * unit) + 1).repeat(2 * unit)[: spot.width] < 0.55
    inner = (np.arange(spot.width) > 3 * unit) & (np.arange(spot.width) < spot.width - 3 * unit)
    pale = np.clip(house.sign + 0.45, 0, 1)
    spot.box(sign // 3, 0, sign - sign // 4, spot.width).put(pale, 0.7 * (letters & inner)[None, :])
    pane = spot.box(sign, 2 * unit, spot.height - 3 * unit, spot.width - 2 * unit)
    display(pane, job, state)
    pane.box(0, pane.width // 2, pane.height, pane.width // 2 + unit).put(house.sign * 0.55)
    if house.awning_length:
        stretched_awning(spot, job, sign)


def display(pane: Canvas, job: Job, state: Array) -> None:
    """Paint goods behind glass, illuminated after dark in most shops."""
    lit = {Hour.day: 0.25, Hour.dusk: 0.75, Hour.night: 0.65}[job.light.hour] > state[0]
    cell = 3 * pane.unit
    goods = job.draw.random((pane.height // cell + 1, pane.width // cell + 1, 3)).astype(np.float32)
    goods = goods.repeat(cell, 0).repeat(cell, 1)[: pane.height, : pane.width]
    y = np.linspace(0, 1, pane.height, dtype=np.float32)[:, None, None]
    things = 0.25 + 0.55 * goods
    if lit:
        pane.put(DARK, glow=(0.45 + 0.35 * state[1]) * (1.15 - 0.4 * y) * (0.45 * WARM + 0.62 * things))
    else:
        pane.put(0.3 * things, glow=0.7 * reflection(pane, job, state[2]))


def stretched_awning(spot: Canvas, job: Job, top: int) -> None:
    long = round(job.house.awning_length * spot.height)
    awning = spot.box(top, 0, top + long, spot.width)
    stripes = (np.arange(spot.width) // (3 * spot.unit)) % 2 == 0
    plain = job.house.each[2, 5] < 0.35
    white = np.array([0.92, 0.9, 0.86], dtype=np.float32)
    cloth = np.where((stripes | plain)[None, :, None], job.house.awning, white).astype(np.float32)
    slope = np.linspace(1.1, 0.85, awning.height, dtype=np.float32)[:, None, None]
    awning.put(slope * cloth)
    spot.box(top + long, 0, top + long + 3 * spot.unit, spot.width).darken(0.55)
    spot.box(top + long, 0, top + long + 3 * spot.unit, spot.width).glow[:] *= 0.8
