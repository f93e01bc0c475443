"""Squares cut out of photographs: what style transfer is trained on, and what feature networks learn from."""

import hashlib
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate
from torch.utils.data import DataLoader

from datamodules.core.order import SampleIndex
from datamodules.core.sources import LabelledImages
from datamodules.embedded.photos import SMALLEST, Whole, photographs
from datamodules.files.decode import CMYK
from datamodules.folders.content import one_by_one, own_pictures
from datamodules.labelled import LabelledDataModule
from datamodules.translation import PredictDataset
from lightning_cgan import keyed
from lightning_cgan.batches import ImageSpec, SourceImages
from lightning_cgan.errors import UserError

SCENES = {"motorcycle_left": "motorcycle", "motorcycle_right": "motorcycle"}  # two cameras saw one thing


class Squares(LabelledImages):
    """Squares of areas of photographs, resized to one size.

    Args:
        areas: (C, H, W) uint8, in lists of those that show one scene.
        size: pixels of a square.
        each: squares of each area in an epoch.
        most: times ``size`` that a square's side may have before it is resized; no limit when None.
        purpose: keys where they are cut out, and how large.
        seed: the run's own when None; a number for squares that are the same in every run.
        labelled: whether their label is the number of the scene, or 0.
    """

    def __init__(
        self,
        areas: list[list[Tensor]],
        size: int,
        each: int,
        most: float | None = None,
        purpose: str = "squares",
        seed: int | None = None,
        labelled: bool = True,
    ) -> None:
        self.areas, self.size, self.most, self.purpose, self.seed = areas, size, most, purpose, seed
        self.scene = torch.arange(len(areas)).repeat(each)
        self.label = self.scene if labelled else torch.zeros_like(self.scene)

    def images(self, at: SampleIndex) -> Tensor:
        """(*shape, C, size, size) uint8."""
        places = zip(at.epoch.flatten().tolist(), at.image.flatten().tolist(), strict=True)
        found = [self.square(epoch, place) for epoch, place in places]
        if not found:
            return torch.zeros(0, 3, self.size, self.size, dtype=torch.uint8)
        return torch.stack(found).unflatten(0, at.image.shape)

    def square(self, epoch: int, place: int) -> Tensor:
        """Cut out at a keyed place with a keyed side, mirrored half the time."""
        draw = keyed.generator(self.purpose, epoch, place, seed=self.seed)
        views = self.areas[int(self.scene[place])]
        area = views[int(torch.randint(len(views), (), generator=draw))]
        most = min(*area.shape[-2:], int(self.size * self.most) if self.most else max(area.shape))
        side = int(torch.randint(self.size, most + 1, (), generator=draw))
        top, left = (int(torch.randint(length - side + 1, (), generator=draw)) for length in area.shape[-2:])
        square = area[..., top : top + side, left : left + side]
        return resized(square.flip(-1) if torch.rand((), generator=draw) < 0.5 else square, self.size)

    def sha256(self) -> str:
        said = hashlib.sha256(f"{self.size}/{len(self.scene)}/{self.most}/{self.purpose}/{self.seed}".encode())
        for area in (area for views in self.areas for area in views):
            said.update(str(tuple(area.shape)).encode())
            said.update(area.contiguous().numpy().data)
        return said.hexdigest()


def resized(square: Tensor, size: int) -> Tensor:
    """(C, s, s) uint8 to (C, size, size) uint8, bilinear with antialiasing."""
    if square.shape[-1] == size:
        return square
    return interpolate(square[None], size=(size, size), mode="bilinear", antialias=True)[0]


def scenes(split: str) -> list[list[Tensor]]:
    """The photographs of ``split``; two of one scene together."""
    found: dict[str, list[Tensor]] = {}
    for name, photograph in photographs(split).items():
        found.setdefault(SCENES.get(name, name), []).append(photograph)
    return list(found.values())


def check_size(size: int, most: int) -> None:
    """Refuse squares that do not fit into all photographs.

    Raises:
        UserError: naming the bounds.
    """
    if not 8 <= size <= most:
        raise UserError(
            f"Squares of these photographs have sides of 8 to {most} pixels; got {size}. Set data.init_args.size."
        )


class PhotoCrops(LabelledDataModule):
    """Squares of photographs, of any part and resized to one size, as ``Photos`` splits the photographs.

    They have no classes. Training squares are drawn anew in every epoch; those that scores are
    measured on are the same in every run.

    Args:
        size: pixels.
        each: squares of each photograph in an epoch, and in an evaluation.
        predict_from: a picture, or a folder of them, that ``predict`` repaints as large as they are; the whole test
            photographs when None.
        cmyk: "plain" takes CMYK pictures in ``predict_from`` without an ICC profile too, in colours that are near at
            best.
        evaluation_batch_size: squares in an evaluation batch.
        loading: of :class:`~datamodules.LabelledDataModule`.

    Raises:
        UserError: for a size below 8, or larger than a photograph.
    """

    def __init__(
        self,
        size: int = 128,
        each: int = 4,
        predict_from: str | None = None,
        cmyk: CMYK = "profile",
        evaluation_batch_size: int = 4,
        **loading: Any,
    ) -> None:
        check_size(size, SMALLEST)
        if each < 1:
            raise UserError(f"each counts squares of a photograph, at least one; got {each}. Set data.init_args.each.")
        self.spec, self.each = ImageSpec(3, size), each
        self.predict_from, self.cmyk = predict_from, cmyk
        super().__init__(validation_fakes=1, test_fakes=1, evaluation_batch_size=evaluation_batch_size, **loading)

    def load(self, split: str) -> LabelledImages:
        seed = None if split == "train" else 0
        purpose = f"squares/{split}"
        return Squares(scenes(split), self.spec.size, self.each, purpose=purpose, seed=seed, labelled=False)

    def scene(self, split: str) -> Tensor:
        """(N,) the number of the photograph that each measured square of ``split`` is from."""
        return torch.arange(len(scenes(split))).repeat(self.each)

    def setup(self, stage: str) -> None:
        if stage == "predict":
            self.pictures()
        else:
            super().setup(stage)

    def pictures(self) -> PredictDataset:
        """What ``predict`` repaints."""
        if self.predict_from:
            return own_pictures(self.predict_from, self.cmyk)
        whole = photographs("test")
        return PredictDataset(Whole(list(whole.values())), list(whole))

    def predict_dataloader(self) -> DataLoader[SourceImages]:
        """The user's own pictures, or the whole test photographs, one at a time."""
        return one_by_one(self, self.pictures())


class PhotoIdentity(LabelledDataModule):
    """Patches of the training photographs, labelled with the photograph that they are from.

    The left three quarters of each are trained on; patches of the right quarter are held out, those of its upper half
    for validation and those of its lower half for the test.

    Args:
        size: pixels; 84 at most.
        each: patches of each photograph in an epoch, and in an evaluation.
        loading: of :class:`~datamodules.LabelledDataModule`.

    Raises:
        UserError: for a size below 8 or above 84.
    """

    def __init__(self, size: int = 48, each: int = 50, **loading: Any) -> None:
        check_size(size, SMALLEST // 2 - 2)
        self.spec, self.each = ImageSpec(3, size, len(scenes("train"))), each
        super().__init__(validation_fakes=1, test_fakes=1, **loading)  # nothing is generated

    def load(self, split: str) -> LabelledImages:
        areas = [[part_of(photograph, split) for photograph in views] for views in scenes("train")]
        seed = None if split == "train" else 0
        return Squares(areas, self.spec.size, self.each, 2.0, purpose=f"patches/{split}", seed=seed)


def part_of(photograph: Tensor, split: str) -> Tensor:
    """(C, H, W): the left three quarters to train on, the upper right eighth for "val", the lower one for "test"."""
    _, height, width = photograph.shape
    if split == "train":
        return photograph[..., : 3 * width // 4]
    right = photograph[..., 3 * width // 4 :]
    return right[:, : height // 2] if split == "val" else right[:, height // 2 :]
