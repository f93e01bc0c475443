"""Folders of pairs: two pictures side by side in one file, or two folders matched by name."""

from pathlib import Path
from typing import Any

from datamodules.files.headers import Size, check_alike, check_halves, sizes
from datamodules.files.joint_augment import Drawn, DrawnSide, Side
from datamodules.files.layouts import Folders, matched, one_folder, pictures_in, two_folders
from datamodules.files.side_decoding import Half
from datamodules.folders.base import SIDES, TranslationFolder
from datamodules.translation import Domains

Pair = tuple[str, str]  # the files of a and of b: the same one where they lie side by side
HALVES: dict[int, tuple[Half, Half]] = {1: ("left", "right"), 2: ("whole", "whole")}  # by the number of folders


class PairedFolder(TranslationFolder):
    """Pairs of pictures, with one draw for both pictures of a pair.

    Either ``root/train``, ``root/val`` and ``root/test`` hold files with a in the left half and b in the right one, as
    the published sets of pix2pix do, or they hold folders ``A`` and ``B``, in which the two pictures of a pair have the
    same name, whatever it ends in; ``trainA`` and ``trainB``, or ``A/train`` and ``B/train``, are taken too.

    Args:
        root: holds the folders.
        folder: of :class:`~datamodules.TranslationFolder`.

    Raises:
        UserError: on ``prepare_data`` and ``setup`` if folders are missing or empty, for files that are no pictures
            or too small, for pictures without a partner or of another size than it, for an odd width of two side by
            side, and for label maps in other colours than the palette's.
    """

    ways = "train, two side by side in each file, or in train/A and train/B, trainA and trainB, or A/train and B/train"

    def __init__(self, root: str, **folder: Any) -> None:
        super().__init__(root, **folder)
        self.scanned: dict[tuple[Path, ...], list[Pair]] = {}

    def found(self) -> Folders:
        return one_folder(self.root) | two_folders(self.root)

    def read(self, split: str, folders: tuple[Path, ...]) -> Domains:
        if folders not in self.scanned:
            self.scanned[folders] = self.side_by_side(*folders) if len(folders) == 1 else self.matched(*folders)
        pairs, halves = self.part(self.scanned[folders], split, folders[0]), HALVES[len(folders)]
        paths = [[pair[place] for pair in pairs] for place in range(2)]
        measured = [self.measuring[side]._replace(half=half) for side, half in zip(SIDES, halves, strict=True)]
        a, b = map(self.files, paths, measured)
        if split != "train":
            return a, b
        trained_on = [self.training[side]._replace(half=half) for side, half in zip(SIDES, halves, strict=True)]
        drawn = Drawn(list(map(Side, paths, trained_on)), self.augmentation(*SIDES))
        return DrawnSide(drawn, 0, a), DrawnSide(drawn, 1, b)

    def side_by_side(self, folder: Path) -> list[Pair]:
        """The pairs in ``folder``, checked."""
        paths = pictures_in(folder)
        whole = sizes(paths, self.measuring["a"].cmyk)
        check_halves(paths, whole)
        self.check_cut(paths, [Size(size.width // 2, size.height) for size in whole])
        for side, half in zip(SIDES, HALVES[1], strict=True):
            self.check_labels(paths, side, half)
        return [(path, path) for path in paths]

    def matched(self, a: Path, b: Path) -> list[Pair]:
        """The pairs in the folders ``a`` and ``b``, checked."""
        pairs = matched(a, b, pictures_in(a), pictures_in(b))
        paths = [[pair[place] for pair in pairs] for place in range(2)]
        of_a, of_b = (sizes(each, self.measuring["a"].cmyk) for each in paths)
        check_alike(pairs, of_a, of_b)
        self.check_cut(paths[0], of_a)
        for side, each, others in zip(SIDES, paths, reversed(paths), strict=True):
            self.check_labels(each, side, others=others)
        return pairs
