"""The canvas of a facade: reflectance, emitted light and coverage of the sky."""

import numpy as np

from datamodules.render.buildings.shapes import Array, Box


class Canvas:
    """A picture (H, W) being painted. ``part`` and ``box`` return canvases that are views of it.

    Attributes:
        paint: (H, W, 3) reflectance.
        glow: (H, W, 3) emitted light.
        solid: (H, W) coverage of the sky: 0 where it is visible, 1 where it is covered.
        scale: height of the whole picture in pixels.
        unit: width of a thin line in pixels; 1 for pictures of 64 pixels.
    """

    def __init__(self, paint: Array, glow: Array, solid: Array, scale: int) -> None:
        self.paint, self.glow, self.solid = paint, glow, solid
        self.scale, self.unit = scale, max(1, round(scale / 128))

    @classmethod
    def blank(cls, height: int, width: int) -> "Canvas":
        shape = height, width, 3
        paint, glow = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
        return cls(paint, glow, np.zeros(shape[:2], dtype=np.float32), height)

    @property
    def height(self) -> int:
        return self.solid.shape[0]

    @property
    def width(self) -> int:
        return self.solid.shape[1]

    def part(self, box: Box) -> "Canvas":
        place = box.place
        return Canvas(self.paint[place], self.glow[place], self.solid[place], self.scale)

    def put(self, paint: Array, cover: Array | None = None, glow: Array | float = 0.0) -> None:
        """Paint with ``paint``, (3,) or (H, W, 3), and opacity ``cover``, (H, W) or (1, W); opaque if None."""
        if cover is None:
            self.paint[:], self.glow[:], self.solid[:] = paint, glow, 1
            return
        self.paint += cover[..., None] * (paint - self.paint)
        self.glow += cover[..., None] * (glow - self.glow)
        self.solid += cover * (1 - self.solid)

    def box(self, top: int, left: int, bottom: int, right: int) -> "Canvas":
        """The part between these rows and columns, clipped at the edges."""
        top, left = max(top, 0), max(left, 0)
        return self.part(Box(top, left, max(bottom, top), max(right, left)))

    def copy(self) -> "Canvas":
        return Canvas(self.paint.copy(), self.glow.copy(), self.solid.copy(), self.scale)

    def back_to(self, before: "Canvas", kept: Array) -> None:
        """Blend with the earlier state ``before``; ``kept`` (H, W) is the opacity of the current state."""
        for now, then in ((self.paint, before.paint), (self.glow, before.glow)):
            now += (1 - kept[..., None]) * (then - now)
        self.solid += (1 - kept) * (before.solid - self.solid)

    def darken(self, factor: Array | float) -> None:
        """Multiply the reflectance by ``factor``, broadcast to (H, W, 1)."""
        self.paint *= factor

    def shadow_below(self, box: Box, depth: float, length: int) -> None:
        """Darken the area below ``box``, fading over ``length`` rows."""
        below = self.box(box.bottom, box.left, min(box.bottom + length, self.height), box.right)
        fade = 1 - depth * (1 - np.arange(below.height, dtype=np.float32) / max(length, 1))
        below.darken(fade[:, None, None])
