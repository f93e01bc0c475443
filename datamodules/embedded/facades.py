"""Facades: rendered label maps of houses and pictures of them, exact, shipped as a program, no download.

A map says where the wall, the windows, the door are; the hour, the weather, materials, colours and the state of each
window are drawn besides, so that many pictures belong to one map.
"""

import hashlib
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from datamodules.core.array_cache import Arrays, kept_arrays
from datamodules.core.augment import Augmented, flipped
from datamodules.core.sources import InMemory, LabelledImages
from datamodules.render import buildings
from datamodules.render.buildings.classes import CLASS_NAMES, COLOURS
from datamodules.render.buildings.light import Hour
from datamodules.render.buildings.render import render
from datamodules.translation import Domains, TranslationDataModule
from lightning_cgan.batches import PairSpec
from lightning_cgan.errors import UserError

SPLITS = {"train": 0, "val": 1, "test": 2}  # the second number of every scene's key: no two splits share a scene


class Task(Enum):
    """What the two domains show of each layout."""

    labels_and_pictures = "labels_and_pictures"
    day_and_night = "day_and_night"  # the same house at both times: materials too are equal


@lru_cache(maxsize=1)
def program() -> str:
    """A hash of the renderer: other code may draw other pictures."""
    folder = Path(str(buildings.__file__)).parent
    said = hashlib.sha256(np.__version__.encode())
    for file in sorted(folder.glob("*.py")):
        said.update(file.read_bytes())
    return said.hexdigest()[:16]


def rendered(size: int, count: int, houses: int, seed: int, split: str, hour: Hour | None) -> Arrays:
    """``count`` scenes of a split, kept between runs.

    Returns:
        "label" (N, size, size * houses) class numbers and "picture" (N, size, size * houses, 3), both uint8.
    """

    def all_scenes() -> Arrays:
        pairs = [render((seed, SPLITS[split], number), size, houses, hour) for number in range(count)]
        label, picture = map(np.stack, zip(*pairs, strict=True))
        return {"label": label, "picture": picture}

    moment = "any" if hour is None else hour.value
    return kept_arrays(f"facades/{program()}/{size}x{houses}-{seed}-{split}-{count}-{moment}", all_scenes)


def stored(image: np.ndarray) -> InMemory:
    """(N, H, W, 3) uint8 as a set of images that no one labels."""
    pixels = torch.from_numpy(np.ascontiguousarray(image.transpose(0, 3, 1, 2)))
    return InMemory(pixels, torch.zeros(len(image), dtype=torch.int64))


class Facades(TranslationDataModule):
    """Label maps of facades (a) and pictures of them (b), or pictures by day (a) and by night (b).

    Args:
        size: height and width in pixels, of the training images.
        pictures: pairs to train on.
        validation_pictures: pairs to select checkpoints by.
        test_pictures: pairs to test on once.
        flip: mirror training pairs at random, both of a pair or neither.
        street: houses side by side in the pictures of validation and test: larger ones than were trained on.
        task: what the two domains show.
        scene_seed: which scenes there are. The seed of the run has no say: runs with different seeds share their data.
        loading: of :class:`~datamodules.TranslationDataModule`.

    Attributes:
        class_names: of the rows of ``palette``.

    Raises:
        UserError: for a size that cannot show a sill, or numbers below one.
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
            raise UserError(f"Facades are 32 pixels high or higher; met {size}. Set data.init_args.size.")
        counts = {"pictures": pictures, "validation_pictures": validation_pictures, "test_pictures": test_pictures}
        for name, count in (counts | {"street": street}).items():
            if count < 1:
                what = "houses" if name == "street" else "pairs"
                raise UserError(f"{name} counts {what}, at least one; met {count}. Set data.init_args.{name}.")
        if scene_seed < 0:
            raise UserError(f"scene_seed is 0 or more; met {scene_seed}. Set data.init_args.scene_seed.")
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
        a, b = map(stored, self.shown(split))
        return (mirrored(a), mirrored(b)) if self.flip and split == "train" else (a, b)

    def shown(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        """The images of a and of b, (N, H, W, 3)."""
        if self.task is Task.day_and_night:
            day, night = (self.scenes(split, hour)["picture"] for hour in (Hour.day, Hour.night))
            return day, night
        scenes = self.scenes(split)
        return COLOURS[scenes["label"]], scenes["picture"]


def mirrored(source: InMemory) -> LabelledImages:
    """Images that are mirrored at random. The draw is of (epoch, image): the same for both images of a pair."""
    return Augmented(source, flipped)
