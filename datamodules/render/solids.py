"""A small deterministic renderer of convex solids: flat shading under one light, depth buffer, antialiasing.

x points to the viewer at azimuth 0, y to the right, z up. The camera looks down on the origin from a fixed height;
objects rotate around z. Corners of faces are counter-clockwise as seen from outside.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Place = tuple[float, float, float]

FINER = 4  # samples per pixel along each axis
ELEVATION = np.deg2rad(20.0)
DISTANCE = 7.0  # of the camera; gives a slight perspective
HALF_WIDTH = 1.35  # half width of the picture at the origin
AMBIENT = 0.4
LIGHT = np.array([0.55, -0.45, 0.7]) / np.linalg.norm([0.55, -0.45, 0.7])  # from above, to the left of the viewer
BACKGROUND = 1.0


class Face(NamedTuple):
    """A flat convex polygon."""

    corner: Array  # (K, 3)
    grey: float  # reflectance, 0 to 1


def frustum(bottom: tuple[Place, Place], top: tuple[Place, Place], greys: tuple[float, float, float]) -> list[Face]:
    """The solid between two horizontal rectangles, each given by two opposite corners, the smaller first.

    ``greys`` are the grey levels of the top, of the two faces normal to x, and of all other faces.
    """
    lower, upper = (
        np.array([[x0, y0, z], [x1, y0, z], [x1, y1, z], [x0, y1, z]]) for (x0, y0, z), (x1, y1, _) in (bottom, top)
    )
    sides = [np.array([lower[k], lower[k - 3], upper[k - 3], upper[k]]) for k in range(4)]
    roof, across, other = greys
    ends = [other, across, other, across]
    return [Face(lower[::-1], other), Face(upper, roof), *(Face(s, grey) for s, grey in zip(sides, ends, strict=True))]


def box(low: Place, high: Place, grey: float) -> list[Face]:
    """The cuboid between two opposite corners."""
    (x0, y0, z0), (x1, y1, z1) = low, high
    return frustum(((x0, y0, z0), (x1, y1, z0)), ((x0, y0, z1), (x1, y1, z1)), (grey, grey, grey))


def wheel(centre: Place, radius: float, width: float, grey: float, corners: int = 12) -> list[Face]:
    """A cylinder along y, approximated by a prism."""
    angle = 2 * np.pi * (np.arange(corners) + 0.5) / corners
    rim = np.stack([radius * np.cos(angle), np.zeros(corners), radius * np.sin(angle)], 1) + np.array(centre)
    half = np.array([0, width / 2, 0])
    left, right = rim - half, rim + half
    tread = [np.array([left[k], left[k - 1], right[k - 1], right[k]]) for k in range(corners)]
    return [Face(left, grey), Face(right[::-1], grey), *(Face(part, grey) for part in tread)]


def plate(x: float, y: tuple[float, float], z: tuple[float, float], grey: float) -> list[Face]:
    """A rectangle normal to x, visible from the front."""
    return [Face(np.array([[x, y[0], z[0]], [x, y[1], z[0]], [x, y[1], z[1]], [x, y[0], z[1]]]), grey)]


def turned(azimuth: float) -> Array:
    """The rotation matrix (3, 3) from object to camera axes (near, right, up) for ``azimuth`` in degrees."""
    turn = np.deg2rad(azimuth)
    cos, sin = np.cos(turn), np.sin(turn)
    spin = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    down, up = np.cos(ELEVATION), np.sin(ELEVATION)
    return np.array([[down, 0, up], [0, 1, 0], [-up, 0, down]]) @ spin


def rendered(faces: list[Face], azimuth: float, size: int) -> NDArray[np.uint8]:
    """A grey uint8 picture (size, size) of an object; positive ``azimuth`` in degrees turns its front to the right."""
    samples = size * FINER
    nearness, shade = np.zeros((samples, samples)), np.full((samples, samples), BACKGROUND)
    corner = np.concatenate([face.corner for face in faces]) @ turned(azimuth).T
    ends = np.cumsum([len(face.corner) for face in faces])
    starts = ends - [len(face.corner) for face in faces]
    normal = across(corner[starts + 1] - corner[starts], corner[starts + 2] - corner[starts + 1])
    towards = DISTANCE * normal[:, 0] - (normal * corner[starts]).sum(
        1
    )  # distance of the camera from the plane of each face
    grey = np.array([face.grey for face in faces]) * lit(normal, turned(0.0) @ LIGHT)
    scale = samples / 2 * DISTANCE / HALF_WIDTH
    spot = samples / 2 + scale * corner[:, 1:] / (DISTANCE - corner[:, :1]) * (1, -1)
    for place in np.flatnonzero(towards > 0):
        middle, right, down = normal[place] / towards[place] * (1, -1 / scale, 1 / scale)
        plane = middle - (right + down) * samples / 2, right, down
        draw(nearness, shade, spot[starts[place] : ends[place]], plane, grey[place])
    blocks = shade.reshape(size, FINER, size, FINER).mean((1, 3))
    return np.round(255 * blocks).astype(np.uint8)


def across(one: Array, other: Array) -> Array:
    """Row-wise cross products (N, 3); ``np.cross`` would dominate the run time."""
    (a, b, c), (d, e, f) = one.T, other.T
    return np.stack([b * f - c * e, c * d - a * f, a * e - b * d], 1)


def lit(normal: Array, light: Array) -> Array:
    """The brightness in [0, 1] of faces with normals (N, 3)."""
    return AMBIENT + (1 - AMBIENT) * (normal @ light / np.sqrt((normal**2).sum(1))).clip(min=0)


def draw(nearness: Array, shade: Array, spot: Array, plane: tuple[float, float, float], grey: float) -> None:
    """Draw a face into ``shade`` where it is nearer than previous faces.

    Args:
        nearness: depth buffer (S, S) of 1 / depth, 0 where empty.
        shade: brightness (S, S) of the picture.
        spot: corners of the face (K, 2), in samples from the left and from the top.
        plane: 1 / depth of the face at the top left corner of the picture, and its increments to the right and down.
        grey: brightness of the face.
    """
    (left, top), (right, bottom) = (limit.tolist() for limit in (spot.min(0), spot.max(0)))
    left, top = max(int(left), 0), max(int(top), 0)
    right, bottom = min(int(right) + 1, len(shade)), min(int(bottom) + 1, len(shade))
    x, y = np.arange(left, right) + 0.5, np.arange(top, bottom)[:, None] + 0.5
    near = (plane[0] + plane[1] * x) + plane[2] * y
    here = slice(top, bottom), slice(left, right)
    inside = near > nearness[here]
    corners = spot.tolist()
    for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
        inside &= (x1 - x0) * (y - y0) <= (y1 - y0) * (x - x0)
    np.copyto(nearness[here], near, where=inside)
    np.copyto(shade[here], grey, where=inside)
