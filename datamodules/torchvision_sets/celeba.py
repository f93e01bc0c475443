"""CelebA: 202,599 photographs of faces with 40 attributes each (Liu et al. 2015), read from torchvision's folder."""

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from datamodules.core.augment import Augmented, flipped
from datamodules.core.sources import LabelledImages
from datamodules.files.image_files import Decoding, Files, nearest
from datamodules.labelled import LabelledDataModule
from lightning_cgan.batches import ImageSpec
from lightning_cgan.errors import UserError

NAMES = """
    5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose Black_Hair Blond_Hair
    Blurry Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee Gray_Hair Heavy_Makeup High_Cheekbones Male
    Mouth_Slightly_Open Mustache Narrow_Eyes No_Beard Oval_Face Pale_Skin Pointy_Nose Receding_Hairline Rosy_Cheeks
    Sideburns Smiling Straight_Hair Wavy_Hair Wearing_Earrings Wearing_Hat Wearing_Lipstick Wearing_Necklace
    Wearing_Necktie Young
"""
ATTRIBUTES = tuple(NAMES.split())
SPLITS = {"train": 0, "val": 1, "test": 2}
FILES = ("list_attr_celeba.txt", "list_eval_partition.txt", "img_align_celeba")


class CelebA(LabelledDataModule):
    """The aligned pictures of 178x218, cut to a square and resized (bilinear, antialiased), in the official splits.

    k attributes make 2^k classes: the i-th of them, counted from 0, adds 2^i to the class of the faces that have it.
    With ``[Smiling, Male]``, 0 is neither, 1 a smiling woman, 2 a man who does not smile, 3 a man who does.

    Args:
        root: holds the folder ``celeba`` with ``list_attr_celeba.txt``, ``list_eval_partition.txt`` and
            ``img_align_celeba/``.
        size: of the images.
        attributes: that make the classes; none for unconditional papers.
        crop: side of the square cut from the centre, in pixels. 178 is the widest and the commonest, for it is what a
            resize of the short side and a centre cut come to; others take 148, 140 or 108, and get closer faces and
            scores that cannot be compared.
        flip: whether training images are mirrored at random.
        num_workers: processes that decode.
        loading: of :class:`~datamodules.LabelledDataModule`.

    Raises:
        UserError: for an unknown attribute or one named twice, or a cut larger than the pictures; on ``prepare_data``
            if files are missing; on ``setup`` if they contradict each other, or if a class has no training picture.
    """

    known_splits = ("train", "val", "test")

    def __init__(
        self,
        root: str = "data",
        size: int = 64,
        attributes: list[str] | None = None,
        crop: int = 178,
        flip: bool = False,
        num_workers: int = 4,
        **loading: Any,
    ) -> None:
        self.attributes = tuple(attributes or ())
        for name in self.attributes:
            if name not in ATTRIBUTES or self.attributes.count(name) > 1:
                raise UserError(
                    f"Attributes are among CelebA's 40, each named once; got {name}."
                    f"{'' if name in ATTRIBUTES else nearest(name, ATTRIBUTES)} Set data.init_args.attributes."
                )
        if not 1 <= crop <= 178:
            raise UserError(f"The pictures are 178 pixels wide; got a cut of {crop}. Set data.init_args.crop.")
        self.spec = ImageSpec(channels=3, size=size, num_classes=2 ** len(self.attributes) if self.attributes else 0)
        super().__init__(num_workers=num_workers, **loading)
        self.root, self.folder, self.flip = root, Path(root, "celeba"), flip
        self.decoding = Decoding(size, crop=crop)

    def prepare_data(self) -> None:
        for name in FILES:
            if not (self.folder / name).exists():
                raise UserError(
                    f"CelebA is read from disk; there is no {self.folder / name}. Set data.init_args.root, or download "
                    "once, with the package gdown installed: "
                    f"python -c \"from torchvision.datasets import CelebA; CelebA('{self.root}', download=True)\""
                )

    def load(self, split: str) -> LabelledImages:
        wanted = str(SPLITS[split])
        names = [name for name, part in table(self.folder / FILES[1], 2) if part == wanted]
        self.check_files(names, split)
        label = self.labels(names)
        if split == "train":
            self.check_classes(label)
        files = Files(self.folder, [str(self.folder / FILES[2] / name) for name in names], label, self.decoding).check()
        return Augmented(files, flipped) if self.flip and split == "train" else files

    def labels(self, names: Sequence[str]) -> Tensor:
        """(N,) classes of the pictures called ``names``."""
        path = self.folder / FILES[0]
        columns = [1 + header(path).index(name) for name in self.attributes]
        classes = {
            row[0]: sum((row[column] == "1") << place for place, column in enumerate(columns))
            for row in table(path, 41, skip=2)
        }
        if unknown := [name for name in names if name not in classes]:
            raise UserError(
                f"Every picture of {FILES[1]} has a line in {path}; {len(unknown)} have none, {unknown[0]} among them. "
                "Set data.init_args.root to a whole set."
            )
        return torch.tensor([classes[name] for name in names], dtype=torch.int64)

    def check_files(self, names: Sequence[str], split: str) -> None:
        there = set(os.listdir(self.folder / FILES[2]))
        missing = [name for name in names if name not in there]
        if missing or not names:
            raise UserError(
                f"{self.folder / FILES[2]} must hold the {len(names)} pictures of the {split} split; {len(missing)} "
                f"are missing{f', {missing[0]} among them' if missing else ''}. Set data.init_args.root to a whole set."
            )

    def check_classes(self, label: Tensor) -> None:
        counts = label.bincount(minlength=self.spec.num_classes)
        if (counts == 0).any():
            number = int(counts.argmin())
            having = [f"{'' if number >> i & 1 else 'not '}{name}" for i, name in enumerate(self.attributes)]
            raise UserError(
                f"Every class needs pictures to train on; no face is {', '.join(having)}. "
                "Set data.init_args.attributes to fewer."
            )


def header(path: Path) -> list[str]:
    """The names of the columns, in the second line of ``path``.

    Raises:
        UserError: if they are not CelebA's.
    """
    with path.open(encoding="utf-8-sig") as lines:
        names = "".join(islice(lines, 1, 2)).split()
    if sorted(names) != sorted(ATTRIBUTES):
        raise UserError(f"The second line of {path} must name CelebA's 40 attributes. Set data.init_args.root.")
    return names


def table(path: Path, columns: int, skip: int = 0) -> Iterator[list[str]]:
    """The words of each line after the first ``skip``; empty lines are passed over.

    Raises:
        UserError: for a line of another number of words.
    """
    with path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, 1):
            row = line.split()
            if number <= skip or not row:
                continue
            if len(row) != columns:
                raise UserError(
                    f"Lines of {path} have {columns} words; line {number} has {len(row)}. Set data.init_args.root."
                )
            yield row
