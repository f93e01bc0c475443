"""Folders of high-resolution photographs, from which the low resolution is made."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from datamodules.core.low_resolution import cut, low_resolution
from datamodules.files.decode import CMYK, read_picture
from datamodules.files.headers import check_large_enough, sizes
from datamodules.files.image_files import Files
from datamodules.files.joint_augment import CropFlipJitter, JointBatches, JointSide, SideFiles
from datamodules.files.layouts import Folders, one_folder, pictures_in
from datamodules.files.side_decoding import SideDecoding
from datamodules.folders.base import SplitFolders
from datamodules.translation import Domains
from lightning_cgan.batches import PairSpec
from lightning_cgan.errors import UserError

NAMES = {
    "train": ("train", "DIV2K_train_HR"),
    "val": ("val", "valid", "DIV2K_valid_HR"),
    "test": ("test", "DIV2K_test_HR"),
}


class WholePicture(NamedTuple):
    """Decodes a picture file to an evaluation image: cropped to multiples of the scale, and downsampled for a.

    Args:
        size: of the images of an empty batch, which networks must accept.
        channels: 3, or 1 for grey.
        scale: of the set.
        reduced: whether to downsample by the scale.
        cmyk: as in :func:`datamodules.files.decode.read_picture`.
    """

    size: int
    channels: int
    scale: int
    reduced: bool
    cmyk: CMYK = "profile"

    def __call__(self, path: str) -> Tensor:
        whole = cut(read_picture(path, self.channels, cmyk=self.cmyk), self.scale)
        return low_resolution(whole, self.scale) if self.reduced else whole

    def settings(self) -> str:
        return repr(tuple(self._replace(size=0)))


class CropAndReduce(NamedTuple):
    """Augmentation that returns a crop in both resolutions, the low one first."""

    crop: CropFlipJitter
    scale: int

    def __call__(self, pictures: Sequence[Tensor], draw: torch.Generator) -> list[Tensor]:
        (high,) = self.crop(pictures, draw)
        return [low_resolution(high, self.scale), high]


class SuperResolutionFolder(SplitFolders):
    """Super-resolution of photographs in folders: b is the photograph, a its low resolution.

    Photographs lie in ``root/train``, ``root/val`` (or ``valid``) and ``root/test``, at any depth, or in the folders of
    DIV2K, ``DIV2K_train_HR`` and ``DIV2K_valid_HR``. Training images are crops, one of each photograph in an epoch.
    Evaluation uses whole photographs, cropped to multiples of the scale, one in a batch. Low resolutions are made by
    :func:`datamodules.core.low_resolution.low_resolution`.

    :class:`~datamodules.SplitFolders` describes the splits where folders are missing: ``test`` scores the validation
    photographs of DIV2K.

    Args:
        root: holds the folders.
        size: of the crops of b, in pixels.
        scale: ratio of the sides of a photograph to those of its low resolution.
        flip: whether crops are mirrored at random.
        channels: 3, or 1 for grey.
        share: of the training photographs that is held out for a split without a folder, at most 1/3.
        cmyk: "plain" also accepts CMYK pictures without an ICC profile; their colours are approximate.
        num_workers: loader processes. Each crop decodes a whole photograph; if that is too slow, split the
            photographs into files of about 500 pixels once.
        batch_size: crops in one update, over all processes together.
        predict_from: a low-resolution picture, or a folder of pictures, that ``predict`` enlarges; the test images
            when None.

    Raises:
        UserError: for settings that contradict each other; on ``prepare_data`` and ``setup`` if folders are missing or
            empty, and for files that are not pictures or smaller than the crops.
    """

    ways = "train, or DIV2K_train_HR"

    def __init__(
        self,
        root: str,
        size: int = 96,
        scale: int = 4,
        flip: bool = False,
        channels: int = 3,
        share: float = 0.05,
        cmyk: CMYK = "profile",
        num_workers: int = 4,
        batch_size: int = 16,
        predict_from: str | None = None,
    ) -> None:
        check_scale(size, scale)
        if channels not in (1, 3):
            raise UserError(f"Pictures have 3 channels, or 1 for grey; got {channels}. Set data.init_args.channels.")
        self.spec = PairSpec(channels, channels, size, scale)
        loading = {"batch_size": batch_size, "num_workers": num_workers, "predict_from": predict_from, "cmyk": cmyk}
        super().__init__(root, share, evaluation_batch_size=1, **loading)
        self.flip = flip
        self.scanned: dict[Path, list[str]] = {}

    def found(self) -> Folders:
        return one_folder(self.root, NAMES)

    def read(self, split: str, folders: tuple[Path, ...]) -> Domains:
        (folder,) = folders
        if folder not in self.scanned:
            self.scanned[folder] = self.scan(folder)
        paths = self.part(self.scanned[folder], split, folder)
        a, b = (self.files(paths, reduced) for reduced in (True, False))
        if split != "train":
            return a, b
        crops = CropAndReduce(CropFlipJitter(self.spec.size, self.flip), self.spec.scale)
        joint = JointBatches([SideFiles(paths, self.predict_decoding())], crops)
        return JointSide(joint, 0, a), JointSide(joint, 1, b)

    def files(self, paths: Sequence[str], reduced: bool) -> Files:
        spec = self.spec
        size = spec.size // spec.scale if reduced else spec.size
        decoding = WholePicture(size, spec.channels_a, spec.scale, reduced, self.cmyk)
        return Files(self.root, paths, torch.zeros(len(paths), dtype=torch.int64), decoding)

    def predict_decoding(self) -> SideDecoding:
        return SideDecoding(self.spec.size, self.spec.channels_a, cmyk=self.cmyk).native()

    def scan(self, folder: Path) -> list[str]:
        """The photographs in ``folder``, checked."""
        paths = pictures_in(folder)
        check_large_enough(paths, sizes(paths, self.cmyk), self.spec.size, "Set data.init_args.size")
        return paths


def check_scale(size: int, scale: int) -> None:
    """Check that crops of ``size`` can be downsampled by ``scale``.

    Raises:
        UserError: if not.
    """
    if scale < 2:
        raise UserError(f"Super-resolution enlarges by 2 or more; got {scale}. Set data.init_args.scale.")
    if size < scale or size % scale:
        raise UserError(f"The size of crops is a multiple of the scale {scale}; got {size}. Set data.init_args.size.")
