"""Rendering of the sky, and lighting of a painted canvas by sun, shadows and lamps."""

import numpy as np

from datamodules.render.buildings.canvas import Array, Canvas
from datamodules.render.buildings.light import Hour, Light
from datamodules.render.buildings.shapes import clouds, stretched

LAMP = np.array([1.0, 0.72, 0.4], dtype=np.float32)


def coordinates(canvas: Canvas) -> tuple[Array, Array]:
    """Pixel coordinates y (H, 1) down and x (1, W) right, both in units of the height."""
    y = (np.arange(canvas.height, dtype=np.float32) + 0.5) / canvas.scale
    x = (np.arange(canvas.width, dtype=np.float32) + 0.5) / canvas.scale
    return y[:, None], x[None, :]


def sky(canvas: Canvas, light: Light, draw: np.random.Generator) -> Array:
    """The sky (H, W, 3): a gradient with clouds, and stars at night."""
    y, _ = coordinates(canvas)
    blend = np.clip(y * 1.7, 0, 1)[..., None]
    air = light.air.zenith + blend * (light.air.horizon - light.air.zenith)
    across = max(round(5 * canvas.width / canvas.height), 1)
    noise = clouds(draw, canvas.height, canvas.width, 8, across)
    cover = np.clip((noise - (0.72 - 0.4 * light.air.cover)) * 4, 0, 1) * (0.9 if light.hour is Hour.day else 0.6)
    air = air + cover[..., None] * (light.air.cloud * (0.85 + 0.3 * noise[..., None]) - air)
    if light.hour is Hour.night:
        stars = draw.random((60 * canvas.width // canvas.height, 3))
        down, right = (0.6 * stars[:, 0] * canvas.height).astype(int), (stars[:, 1] * canvas.width).astype(int)
        air[down, right] += 0.6 * stars[:, 2:].astype(np.float32)
    return air.astype(np.float32)


def lit(canvas: Canvas, light: Light) -> Array:
    """The lit canvas (H, W, 3), without the sky."""
    y, x = coordinates(canvas)
    width = canvas.width / canvas.scale
    level = 1 + light.slant * light.side * (x / width - 0.5) - 0.06 * (y - 0.5)
    if light.shadow is not None:
        edge = (x / width - light.shadow) * light.side + light.shadow_slope * (0.6 - y)
        level = level * (1 - light.shadow_depth * np.clip(0.5 - edge * canvas.scale / 6, 0, 1))
    illumination = level[..., None] * light.air.ambient
    if light.lamp_light:
        right, down = light.lamp
        distance = (x - right * width) ** 2 + (y - down) ** 2
        illumination = illumination + (light.lamp_light / (1 + 14 * distance))[..., None] * LAMP
    return canvas.paint * illumination + canvas.glow + 0.25 * spread(canvas.glow)


def spread(glow: Array) -> Array:
    """A blurred copy of ``glow`` (H, W, 3): the halo around lit windows."""
    height, width = glow.shape[:2]
    cell = max(height // 16, 1)
    coarse = np.add.reduceat(glow, np.arange(0, height, cell), axis=0)
    coarse = np.add.reduceat(coarse, np.arange(0, width, cell), axis=1) / cell**2
    return stretched(coarse, height, width)
