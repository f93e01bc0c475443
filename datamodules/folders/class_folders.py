"""Folders of pictures, with a folder for each class or without classes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from datamodules.core.augment import Augmented, flipped
from datamodules.core.class_names import warn_of_order
from datamodules.core.sources import LabelledImages
from datamodules.core.splits import held_out_by_name
from datamodules.files.decode import CMYK, WHITE, printable
from datamodules.files.image_files import Decoding, Files, Scan, class_folders, is_folder, name_below
from datamodules.labelled import LabelledDataModule
from lightning_cgan.batches import ImageSpec
from lightning_cgan.errors import UserError

HELD_OUT = ("test", "val")


class PictureFolder(LabelledDataModule):
    """Base of the folders. A subclass implements ``class_folders``.

    If ``root/val`` or ``root/test`` is missing, training pictures are held out for it: of each class an expected
    ``share``, at least one. The name of a picture decides, so splits are the same in every run and stay when files are
    added or removed: :func:`~datamodules.core.splits.held_out_by_name`. Links are followed. Pictures are cropped to
    their centre square and resized (bilinear, antialiased); :mod:`datamodules.files.decode` describes the handling of
    transparency, rotation, 16 bits and so on.

    Args:
        root: holds the folders.
        size: of the images.
        channels: 3, or 1 for grey.
        num_classes: 0 for none.
        share: expected share of each class held out for a split without a folder, at most 1/3.
        flip: whether training images are mirrored at random.
        background: red, green and blue behind transparent pixels.
        cmyk: "plain" also accepts CMYK pictures without an ICC profile; their colours are approximate.
        num_workers: loader processes.
        loading: of :class:`~datamodules.LabelledDataModule`.

    Raises:
        UserError: for channels, a share or a colour out of range.
    """

    known_splits = ("train", "val", "test")

    def __init__(
        self,
        root: str,
        size: int = 64,
        channels: int = 3,
        num_classes: int = 0,
        share: float = 0.1,
        flip: bool = False,
        background: tuple[int, int, int] = WHITE,
        cmyk: CMYK = "profile",
        num_workers: int = 4,
        **loading: Any,
    ) -> None:
        self.spec = ImageSpec(channels, size, num_classes)
        super().__init__(num_workers=num_workers, **loading)
        if channels not in (1, 3):
            raise UserError(f"Pictures have 3 channels, or 1 for grey; got {channels}. Set data.init_args.channels.")
        if not 0 < share <= 1 / 3:
            raise UserError(f"A share held out is more than 0 and at most 1/3; got {share}. Set data.init_args.share.")
        if not all(0 <= part <= 255 for part in background):
            raise UserError(
                f"A background is red, green and blue from 0 to 255; got {background}. Set data.init_args.background."
            )
        self.root, self.share, self.flip = Path(root), share, flip
        self.decoding = Decoding(size, channels, None, background, cmyk)
        self.scanned: dict[Path, Files] = {}

    def class_folders(self, folder: Path) -> list[Path]:
        """The folders of class 0, 1, ... below ``folder``, which holds one split or all."""
        raise NotImplementedError

    def load(self, split: str) -> LabelledImages:
        files = self.files(split)
        return Augmented(files, flipped) if self.flip and split == "train" else files

    def files(self, split: str) -> Files:
        home, missing = self.home(), self.missing()
        if split not in ("train", *missing):
            return self.scan(self.root / split)
        whole = self.scan(home)
        fewest = int(whole.label.bincount().min())
        if fewest <= len(missing):
            raise UserError(
                f"{' and '.join(missing)} are held out of the training pictures, so each class needs at least "
                f"{len(missing) + 1}; one in {printable(self.root)} has {fewest}. Set data.init_args.root."
            )
        names = [name_below(home, path) for path in whole.path]
        return whole.part(held_out_by_name(names, whole.label, missing, self.share)[split])

    def home(self) -> Path:
        """The folder of the training pictures."""
        return self.root / "train" if is_folder(self.root / "train") else self.root

    def missing(self) -> list[str]:
        """The splits that are held out of the training pictures."""
        return [name for name in HELD_OUT if self.home() == self.root or not is_folder(self.root / name)]

    def split_description(self, split: str) -> str:
        plain = super().split_description(split)
        held_out = plain == split and split in self.missing()
        return f"{split} (held out by name, a share of about {self.share:g})" if held_out else plain

    def scan(self, folder: Path) -> Files:
        if folder not in self.scanned:
            self.scanned[folder] = files_of_classes(self.root, self.class_folders(folder), self.decoding)
        return self.scanned[folder]


class UnlabelledFolder(PictureFolder):
    """Pictures without classes, at any depth below ``root/train``, or below ``root`` if there is no such folder.

    Args:
        root: holds pictures.
        folder: of :class:`PictureFolder`.

    Raises:
        UserError: on ``setup`` if there are no pictures, or files that are not pictures.
    """

    def __init__(self, root: str, **folder: Any) -> None:
        super().__init__(root, num_classes=0, **folder)

    def class_folders(self, folder: Path) -> list[Path]:
        if folder == self.root and any(is_folder(folder / name) for name in HELD_OUT):
            raise UserError(
                f"If {printable(folder)} has a folder val or test, training pictures lie in train; got no such folder. "
                "Move them there, or set data.init_args.root to the folder of the training pictures."
            )
        if not is_folder(folder):
            raise UserError(
                f"Pictures are read from a folder; got no folder {printable(folder)}. Set data.init_args.root."
            )
        return [folder]


class LabelledFolder(PictureFolder):
    """Pictures in ``root/train/<class>/``, at any depth, and where they exist ``root/val/<class>/`` and ``root/test``.

    Classes are numbered from 0 in the order of their names as text, in which "10" comes before "2". Settings give a
    name in quotes and a number without: ``["10"]`` is the class with the name 10, ``[10]`` the eleventh.

    Args:
        root: holds ``train``.
        folder: of :class:`PictureFolder`.

    Raises:
        UserError: for less than two classes, or an unknown class to predict; on ``setup`` if the classes of splits
            differ, or for folders without pictures or with files that are not pictures.
    """

    def __init__(self, root: str, **folder: Any) -> None:
        self.classes = class_folders(Path(root, "train"))
        if len(self.classes) < 2:
            got = f"{len(self.classes)} of them" if Path(root, "train").is_dir() else "no such folder"
            raise UserError(
                f"{printable(root)}/train must hold a folder for each of two classes or more; got {got}. "
                "Set data.init_args.root, or use datamodules.UnlabelledFolder."
            )
        warn_of_order(self.classes)
        super().__init__(root, num_classes=len(self.classes), **folder)

    @property
    def class_names(self) -> tuple[str, ...]:  # type: ignore[override]  # read-only: from the folders
        return tuple(self.classes)

    def class_folders(self, folder: Path) -> list[Path]:
        same_classes(folder, self.root / "train")
        return [folder / name for name in self.classes]


def same_classes(folder: Path, train: Path) -> None:
    """Check that ``folder`` and ``train`` hold the same classes.

    Raises:
        UserError: if the names of their folders differ.
    """
    if names := set(class_folders(folder)) ^ set(class_folders(train)):
        raise UserError(
            f"{printable(train)} and {printable(folder)} must hold folders of the same names, or labels are mixed up; "
            f"{printable(min(names))} is in one only. Set data.init_args.root."
        )


def files_of_classes(root: Path, folders: Sequence[Path], decoding: Decoding) -> Files:
    """The pictures below ``folders``, of class 0, 1, ..., after a check of some headers.

    Raises:
        UserError: if one of them holds no pictures, or files that are not pictures.
    """
    found = Scan(folders).found
    empty = [folder for folder, files in zip(folders, found, strict=True) if not files]
    if empty:
        raise UserError(
            "Every folder of a set holds pictures, and a file in two folders counts for the first; "
            f"got {printable(empty[0])} without pictures. Set data.init_args.root, or add some."
        )
    label = torch.arange(len(found)).repeat_interleave(torch.tensor([len(files) for files in found]))
    return Files(root, [path for files in found for path in files], label, decoding).check()
