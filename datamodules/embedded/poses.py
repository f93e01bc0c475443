"""Rendered cars and chairs with known azimuth: two domains related by pose, or labelled views."""

import hashlib
import os
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from datamodules.core.sources import ConcatSource, InMemory, LabelledImages
from datamodules.labelled import LabelledDataModule
from datamodules.render import cars_and_chairs, solids
from datamodules.render.cars_and_chairs import Family
from datamodules.render.solids import rendered
from datamodules.translation import Domains, TranslationDataModule
from lightning_cgan import keyed
from lightning_cgan.batches import ImageSpec, PairSpec, Unpaired
from lightning_cgan.disk_cache import cache_folder
from lightning_cgan.errors import UserError

VIEWS = tuple(range(-75, 76, 15))  # degrees, as the 11 views of Kim et al. 2017
WIDEST = 90  # degrees to either side
UNAMBIGUOUS = 80  # degrees; beyond, some cars in small pictures look the same from both sides
CODE = (solids.__file__, cars_and_chairs.__file__, __file__)  # that the pictures depend on


def views_of(family: Family, split: str, objects: range, size: int, within: int | None = None) -> InMemory:
    """Eleven views of each of some objects: (N, 1, size, size), and their azimuths in whole degrees plus 90.

    An object and its azimuths are a pure function of (family, split, number). Azimuths are ``VIEWS``, or random whole
    degrees from -``within`` to ``within``.
    """
    image, azimuth = [], []
    for number in objects:
        draw = np.random.default_rng(keyed.seed_of("poses", family.name, split, number, seed=0))
        faces = family.make(draw)
        angles = VIEWS if within is None else draw.integers(-within, within + 1, len(VIEWS)).tolist()
        image += [rendered(faces, angle, size) for angle in angles]
        azimuth += [angle + WIDEST for angle in angles]
    return InMemory(torch.from_numpy(np.stack(image))[:, None], torch.tensor(azimuth))


@lru_cache(maxsize=16)
def cached_views(family: Family, split: str, objects: range, size: int, within: int | None = None) -> InMemory:
    """:func:`views_of`, cached on disk; rendering takes 2 ms for a picture."""
    code = b"".join(Path(file).read_bytes() for file in CODE)
    key = repr((family.name, split, objects, size, within)).encode()
    path = cache_folder() / "poses" / f"{hashlib.sha256(code + key).hexdigest()}.safetensors"
    with suppress(Exception):  # a file that is missing or broken is written again
        stored = load_file(path)
        return InMemory(stored["image"], stored["label"])
    views = views_of(family, split, objects, size, within)
    with suppress(OSError):  # storing them only saves time
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.{uuid4().hex}.partial")
        save_file({"image": views.image, "label": views.label}, partial)
        os.replace(partial, path)
    return views


class Poses(TranslationDataModule):
    """Grey pictures of objects of two families, or of two halves of one family, related by azimuth only.

    They replace the renderings of cars and chairs of Kim et al. 2017. No object is in both domains or in two splits.
    Evaluation always uses the eleven views.

    Args:
        a: the family that is translated.
        b: the family that it is translated to.
        size: of the pictures.
        objects: of each domain to train on, with eleven pictures each.
        validation_objects: of each domain.
        test_objects: of each domain.
        continuous: whether training azimuths are any whole degrees from -90 to 90; else -75 to 75 in steps of 15.
        batch_size: pictures of each domain in one update, over all processes together.
        evaluation_batch_size: pictures of each domain in one evaluation batch.
        loading: of :class:`~datamodules.TranslationDataModule`.

    Raises:
        UserError: for no objects, or a size below 8.
    """

    training_batch: ClassVar[type] = Unpaired

    def __init__(
        self,
        a: Family = Family.cars,
        b: Family = Family.cars,
        size: int = 32,
        objects: int = 150,
        validation_objects: int = 40,
        test_objects: int = 100,
        continuous: bool = False,
        batch_size: int = 64,
        evaluation_batch_size: int = 110,
        **loading: Any,
    ) -> None:
        self.objects = {"train": objects, "val": validation_objects, "test": test_objects}
        check_sizes(size, min(self.objects.values()))
        self.spec = PairSpec(1, 1, size)
        self.families, self.continuous = (a, b), continuous
        super().__init__(batch_size, evaluation_batch_size, **loading)

    def load(self, split: str) -> Domains:
        count = self.objects[split]
        within = WIDEST if self.continuous and split == "train" else None
        a, b = (
            cached_views(family, split, range(half * count, (half + 1) * count), self.spec.size, within)
            for half, family in enumerate(self.families)
        )
        return a, b


class PoseViews(LabelledDataModule):
    """Cars and chairs labelled with their pose. The class of a picture is its azimuth in whole degrees, plus 90.

    Args:
        size: of the pictures.
        objects: of each family to train on, with eleven pictures each. Azimuths are from -80 to 80: beyond, some cars
            in small pictures look the same from both sides.
        validation_objects: of each family.
        test_objects: of each family.
        loading: of :class:`~datamodules.LabelledDataModule`.

    Raises:
        UserError: for no objects, or a size below 8.
    """

    def __init__(
        self,
        size: int = 32,
        objects: int = 400,
        validation_objects: int = 100,
        test_objects: int = 100,
        **loading: Any,
    ) -> None:
        self.objects = {"train": objects, "val": validation_objects, "test": test_objects}
        check_sizes(size, min(self.objects.values()))
        self.spec = ImageSpec(1, size, 2 * WIDEST + 1)
        super().__init__(**loading)

    def load(self, split: str) -> LabelledImages:
        objects = range(self.objects[split])
        return ConcatSource(*(cached_views(family, split, objects, self.spec.size, UNAMBIGUOUS) for family in Family))


def check_sizes(size: int, objects: int) -> None:
    if size < 8:
        raise UserError(f"Pictures of poses have at least 8 pixels on a side; got {size}. Set data.init_args.size.")
    if objects < 1:
        raise UserError(
            f"Each split has at least one object; got {objects}. "
            "Set data.init_args.objects, validation_objects and test_objects."
        )
