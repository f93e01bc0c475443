"""Two folders of pictures, and nothing that relates a picture of one to a picture of the other."""

from pathlib import Path
from typing import Any, ClassVar

from datamodules.core.sources import LabelledImages
from datamodules.files.headers import sizes
from datamodules.files.joint_augment import Drawn, DrawnSide, Side
from datamodules.files.layouts import Folders, pictures_in, two_folders
from datamodules.folders.base import SIDES, TranslationFolder
from datamodules.translation import Domains
from lightning_cgan.batches import Unpaired


class UnpairedFolder(TranslationFolder):
    """Pictures of two domains, of which there may be different numbers; each domain is ordered and drawn by itself.

    They lie in ``root/trainA`` and ``root/trainB``, ``root/testA`` and ``root/testB``, and where they exist
    ``root/valA`` and ``root/valB``, at any depth; ``train/A`` and ``train/B``, or ``A/train`` and ``B/train``, are
    taken too.

    Args:
        root: holds the folders.
        folder: of :class:`~datamodules.TranslationFolder`.

    Raises:
        UserError: on ``prepare_data`` and ``setup`` if folders are missing or empty, for files that are no pictures
            or too small, and for label maps in other colours than the palette's.
    """

    training_batch: ClassVar[type] = Unpaired
    ways = "trainA and trainB, train/A and train/B, or A/train and B/train"

    def __init__(self, root: str, **folder: Any) -> None:
        super().__init__(root, **folder)
        self.scanned: dict[Path, list[str]] = {}

    def found(self) -> Folders:
        return two_folders(self.root)

    def read(self, split: str, folders: tuple[Path, ...]) -> Domains:
        a, b = (self.domain(split, folder, side) for folder, side in zip(folders, SIDES, strict=True))
        return a, b

    def domain(self, split: str, folder: Path, side: str) -> LabelledImages:
        """The pictures of one domain."""
        if folder not in self.scanned:
            self.scanned[folder] = self.scan(folder, side)
        paths = self.part(self.scanned[folder], split, folder)
        files = self.files(paths, self.measuring[side])
        if split != "train":
            return files
        drawn = Drawn([Side(paths, self.training[side])], self.augmentation(side), f"augment {side}")
        return DrawnSide(drawn, 0, files)

    def scan(self, folder: Path, side: str) -> list[str]:
        """The pictures in ``folder``, checked."""
        paths = pictures_in(folder)
        self.check_cut(paths, sizes(paths, self.measuring[side].cmyk))
        self.check_labels(paths, side, others=self.other_domain(folder))
        return paths

    def other_domain(self, folder: Path) -> list[str]:
        """The pictures of the domain that does not lie in ``folder``."""
        (other,) = (set(pair) - {folder} for pair in self.folders.values() if folder in pair)
        return pictures_in(other.pop())
