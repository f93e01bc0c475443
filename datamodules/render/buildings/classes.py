"""Facade classes and their colours in label maps."""

import numpy as np

PALETTE = {
    "sky": (85, 200, 255),
    "wall": (0, 0, 170),
    "roof": (120, 60, 20),
    "window": (0, 85, 255),
    "door": (255, 255, 0),
    "balcony": (170, 255, 85),
    "sill": (85, 255, 170),
    "cornice": (0, 255, 0),
    "shop": (255, 0, 0),
    "tree": (20, 110, 20),
    "pavement": (150, 150, 150),
    "shutter": (255, 140, 0),
}
CLASS_NAMES = tuple(PALETTE)
COLOURS = np.array(list(PALETTE.values()), dtype=np.uint8)  # (12, 3), in class order
NUMBER = {name: number for number, name in enumerate(CLASS_NAMES)}
