"""Rendered facades: label maps of houses and pictures that match them exactly; rendered on first use, no download.

A map holds wall, windows, door and so on; hour, weather, materials, colours and the state of each window are random, so
that many pictures belong to one map.
"""

import hashlib
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from datamodules.core.array_cache import Arrays, cached_arrays
from datamodules.core.augment import Augmented, flipped
from datamodules.core.sources import InMemory, LabelledImages
from datamodules.render import buildings
from datamodules.render.buildings.classes import CLASS_NAMES, COLOURS
from datamodules.render.buildings.light import Hour
from datamodules.render.buildings.render import render
from datamodules.translation import Domains, TranslationDataModule
from lightning_cgan.batches import PairSpec
from lightning_cgan.errors import UserError

SPLITS = {"train": 0, "val": 1, "test": 2}  # part of each scene's key, so that no two splits share a scene


class Task(Enum):
    """What the two domains show of each layout."""

    labels_and_pictures = "labels_and_pictures"
    day_and_night = "day_and_night"  # the same house at both times, with equal materials


@lru_cache(maxsize=1)
def program() -> str:
    """A hash of the renderer's code, for the cache: a change may change the pictures."""
    folder = Path(str(buildings.__file__)).parent
    digest = hashlib.sha256(np.__version__.encode())
    for file in sorted(folder.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def rendered(size: int, count: int, houses: int, seed: int, split: str, hour: Hour | None) -> Arrays:
    """``count`` scenes of a split, cached on disk.

    Returns:
        "label" (N, size, size * houses) class numbers and "picture" (N, size, size * houses, 3), both uint8.
    """

    def all_scenes() -> Arrays:
        pairs = [render((seed, SPLITS[split], number), size, houses, hour) for number in range(count)]
        label, picture = map(np.stack, zip(*pairs, strict=True))
        return {"label": label, "picture": picture}

    moment = "any" if hour is None else hour.value
    return cached_arrays(f"facades/{program()}/{size}x{houses}-{seed}-{split}-{count}-{moment}", all_scenes)


def in_memory(image: np.ndarray) -> InMemory:
    """(N, H, W, 3) uint8 as a set of unlabelled images."""
    pixels = torch.from_numpy(np.ascontiguousarray(image.transpose(0, 3, 1, 2)))
    return InMemory(pixels, torch.zeros(len(image), dtype=torch.int64))


class Facades(TranslationDataModule):
    """Label maps of facades (a) and pictures of them (b), or pictures by day (a) and by night (b).

    Args:
        size: height and width in pixels, of the training images.
        pictures: pairs to train on.
        validation_pictures: pairs to select checkpoints by.
        test_pictures: pairs to test on.
        flip: whether training pairs are mirrored at random, both images of a pair or neither.
        street: houses side by side in validation and test images, which are wider than training images if above 1.
        task: what the two domains show.
        scene_seed: selects the scenes. Runs with different seeds share their data.
        loading: of :class:`~datamodules.TranslationDataModule`.

    Attributes:
        class_names: of the rows of ``palette``.

    Raises:
        UserError: for a size below 32, or numbers below 1.
    """

    class_names = CLASS_NAMES

    def __init__(
        self,
        size: int = 64,
        pictures: int = 1_000,
        validation_pictures: int = 100,
        test_pictures: int = 200,
        flip: bool = True,
        street: int = 1,
        task: Task = Task.labels_and_pictures,
        scene_seed: int = 0,
        **loading: Any,
    ) -> None:
        if size < 32:
            raise UserError(f"Facades are 32 pixels high or higher; got {size}. Set data.init_args.size.")
        counts = {"pictures": pictures, "validation_pictures": validation_pictures, "test_pictures": test_pictures}
        for name, count in (counts | {"street": street}).items():
            if count < 1:
                what = "houses" if name == "street" else "pairs"
                raise UserError(f"{name} counts {what}, at least one; got {count}. Set data.init_args.{name}.")
        if scene_seed < 0:
            raise UserError(f"scene_seed is 0 or more; got {scene_seed}. Set data.init_args.scene_seed.")
        self.counts = dict(zip(SPLITS, counts.values(), strict=True))
        self.flip, self.street, self.task, self.scene_seed = flip, street, task, scene_seed
        self.spec = PairSpec(channels_a=3, channels_b=3, size=size)
        if task is Task.labels_and_pictures:
            self.palette, self.labels_in = torch.from_numpy(COLOURS.copy()), "a"
        super().__init__(**loading)

    def scenes(self, split: str, hour: Hour | None = None) -> Arrays:
        houses = 1 if split == "train" else self.street
        return rendered(self.spec.size, self.counts[split], houses, self.scene_seed, split, hour)

    def load(self, split: str) -> Domains:
        a, b = map(in_memory, self.pictures(split))
        return (mirrored(a), mirrored(b)) if self.flip and split == "train" else (a, b)

    def pictures(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        """The images of a and of b, (N, H, W, 3)."""
        if self.task is Task.day_and_night:
            day, night = (self.scenes(split, hour)["picture"] for hour in (Hour.day, Hour.night))
            return day, night
        scenes = self.scenes(split)
        return COLOURS[scenes["label"]], scenes["picture"]


def mirrored(source: InMemory) -> LabelledImages:
    """``source`` mirrored at random, keyed by (epoch, index): the same for both images of a pair."""
    return Augmented(source, flipped)
