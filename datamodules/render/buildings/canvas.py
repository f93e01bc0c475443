"""What painters paint on: how much light things throw back, how much they give off, and what the sky shines through."""

import numpy as np

from datamodules.render.buildings.shapes import Array, Box


class Canvas:
    """A picture in the making, (H, W) pixels; painters see a part of one as a canvas of its own.

    Attributes:
        paint: (H, W, 3) share of the light that is thrown back.
        glow: (H, W, 3) light given off.
        solid: (H, W) 0 where the sky is seen, 1 where something stands before it.
        scale: pixels of the whole picture's height.
        unit: pixels of a thin line: one in pictures of 64 pixels.
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
        """Cover this canvas with ``paint``, (3,) or (H, W, 3); only as far as ``cover``, (H, W) or (1, W), is 1."""
        if cover is None:
            self.paint[:], self.glow[:], self.solid[:] = paint, glow, 1
            return
        self.paint += cover[..., None] * (paint - self.paint)
        self.glow += cover[..., None] * (glow - self.glow)
        self.solid += cover * (1 - self.solid)

    def box(self, top: int, left: int, bottom: int, right: int) -> "Canvas":
        """The part between these rows and columns, cut at the edges."""
        top, left = max(top, 0), max(left, 0)
        return self.part(Box(top, left, max(bottom, top), max(right, left)))

    def copy(self) -> "Canvas":
        return Canvas(self.paint.copy(), self.glow.copy(), self.solid.copy(), self.scale)

    def back_to(self, before: "Canvas", kept: Array) -> None:
        """Undo what was painted since ``before``, but for the share ``kept`` (H, W)."""
        for now, then in ((self.paint, before.paint), (self.glow, before.glow)):
            now += (1 - kept[..., None]) * (then - now)
        self.solid += (1 - kept) * (before.solid - self.solid)

    def darken(self, factor: Array | float) -> None:
        """Multiply what is thrown back; ``factor`` is broadcast to (H, W, 1)."""
        self.paint *= factor

    def shadow_below(self, box: Box, depth: float, length: int) -> None:
        """The shadow of something at ``box`` on what is under it."""
        below = self.box(box.bottom, box.left, min(box.bottom + length, self.height), box.right)
        fade = 1 - depth * (1 - np.arange(below.height, dtype=np.float32) / max(length, 1))
        below.darken(fade[:, None, None])
