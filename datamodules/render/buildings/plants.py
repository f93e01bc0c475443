"""The painter of trees."""

import numpy as np

from datamodules.render.buildings.canvas import Canvas
from datamodules.render.buildings.shapes import Box, clouds
from datamodules.render.buildings.surfaces import Job

BARK = np.array([0.33, 0.26, 0.2], dtype=np.float32)


def tree(canvas: Canvas, box: Box, job: Job) -> None:
    spot = canvas.part(box)
    if job.part.role != "crown":
        x = np.linspace(-1, 1, spot.width, dtype=np.float32)[None, :, None]
        spot.put((1 + 0.25 * job.light.side * x) * BARK, glow=0.0)
        return
    y = np.linspace(-1, 1, spot.height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, spot.width, dtype=np.float32)[None, :]
    clumps = clouds(job.draw, spot.height, spot.width, 7, 7)
    leaves = 0.1 * job.draw.standard_normal((spot.height, spot.width), dtype=np.float32)
    level = 0.9 - 0.35 * y + 0.2 * job.light.side * x + 1.1 * (clumps - 0.5) + leaves
    paint = np.clip(level, 0.15, 1.7)[..., None].astype(np.float32) * job.house.leaves
    paint[..., 0] += 0.06 * np.clip(level - 1, 0, 1)
    spot.put(paint, glow=0.0)
