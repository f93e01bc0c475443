"""The bases of folders of pictures in two domains: splits, decoding, augmentation and checks."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch

from datamodules.files.decode import CMYK, WHITE
from datamodules.files.headers import Size, check_large_enough
from datamodules.files.image_files import Files
from datamodules.files.joint_augment import CropFlipJitter
from datamodules.files.label_maps import Colour, palette_of
from datamodules.files.layouts import Folders, check_layout, check_share, described, home, split_indices
from datamodules.files.palette_check import check_colours, fits_some
from datamodules.files.side_decoding import Half, Resize, SideDecoding
from datamodules.translation import Direction, Domains, TranslationDataModule
from lightning_cgan.batches import PairSpec
from lightning_cgan.errors import UserError

SIDES = ("a", "b")
OPPOSITE: dict[Half, Half] = {"left": "right", "right": "left", "whole": "whole"}


File = TypeVar("File", str, tuple[str, str])


class SplitFolders(TranslationDataModule):
    """Base of the folders of two domains. A subclass implements ``found`` and ``read``.

    If both ``val`` and ``test`` folders exist, they are these splits. If only one exists, ``test`` scores it, and a
    ``share`` of the training pictures is held out to select checkpoints by; if neither exists, a second ``share`` is
    held out for ``test``. The name of each picture, or pair, below its folder decides whether it is held out, so splits
    are the same in every run and stay when files are added or removed
    (:func:`~datamodules.core.splits.held_out_by_name`). The evaluation card states the split. Links are followed.

    Args:
        root: holds the folders.
        share: expected share of the training pictures held out for a split without a folder, at most 1/3.
        loading: of :class:`~datamodules.TranslationDataModule`.

    Raises:
        UserError: for a share outside of its range; on ``prepare_data`` and ``setup`` if folders are missing.
    """

    known_splits = ("train", "val", "test")
    ways: str  # where training pictures may lie, for messages

    def __init__(self, root: str, share: float, **loading: Any) -> None:
        super().__init__(**loading)
        check_share(share)
        self.root, self.share = Path(root), share
        self.folders: Folders = {}

    def found(self) -> Folders:
        """The folders of each split that exists."""
        raise NotImplementedError

    def read(self, split: str, folders: tuple[Path, ...]) -> Domains:
        """The pictures of ``split`` in ``folders``, checked."""
        raise NotImplementedError

    def prepare_data(self) -> None:
        """Check all splits before training begins, and before an earlier run is moved."""
        if self.trainer is None or self.trainer.training:
            for split in ("train", "val", "test"):
                self.domains(split)

    def load(self, split: str) -> Domains:
        self.folders = self.found()
        check_layout(self.root, self.folders, split, self.ways)
        return self.read(split, self.folders[home(split, self.folders)])

    def part(self, files: Sequence[File], split: str, folder: Path) -> list[File]:
        """Those of ``files``, all files in ``folder``, that belong to ``split``; of pairs the first decides."""
        paths = [file if isinstance(file, str) else file[0] for file in files]
        return [files[index] for index in split_indices(paths, split, self.folders, self.share, folder)]

    def split_description(self, split: str) -> str:
        return described(split, self.folders or self.found(), self.share)


class TranslationFolder(SplitFolders):
    """Base of the folders of pictures in two domains, prepared as in Isola et al. 2017 and Zhu et al. 2017.

    Training pictures are resized to ``load_size``, and a square of ``size`` is cropped and mirrored at random.
    Evaluation pictures are resized to ``size``. :mod:`datamodules.files.decode` describes the handling of transparency,
    rotation, 16 bits and so on, :class:`~datamodules.SplitFolders` the splits.

    Args:
        root: holds the folders.
        size: of the images.
        load_size: to which training pictures are resized before the crop; ``size`` * 286 / 256 when None.
        resize: "squash" resizes to a square, as published; "short_side" keeps the aspect ratio, and evaluation uses the
            centre square; "none" crops squares from the pictures at their own size.
        flip: whether training images are mirrored at random.
        jitter: largest relative change of brightness, contrast and saturation of training images, from 0 to 1; label
            maps are not changed.
        keep_size: whether evaluation pictures keep their own size, one image in a batch.
        channels_a: 3, or 1 for grey, of the domain that the set calls a.
        channels_b: the same of b.
        palette: red, green and blue of each class, or the name of a published palette, if one domain is label maps.
        palette_tolerance: largest RGB distance of a pixel of a label map from its nearest colour in the palette, which
            it is set to. 0 for exact colours; 442, for maps saved as JPEG as published, accepts all. Maps whose colours
            mostly differ from the palette are refused in any case: :mod:`datamodules.files.palette_check`.
        labels_in: the domain that is label maps, "a" or "b", as the set calls it.
        share: of the training pictures held out for a split without a folder, at most 1/3.
        background: red, green and blue behind transparent pixels.
        cmyk: "plain" also accepts CMYK pictures without an ICC profile; their colours are approximate.
        num_workers: loader processes.
        loading: of :class:`~datamodules.TranslationDataModule`.

    Raises:
        UserError: for settings that are out of range or contradict each other.
    """

    def __init__(
        self,
        root: str,
        size: int = 256,
        load_size: int | None = None,
        resize: Resize = "squash",
        flip: bool = True,
        jitter: float = 0.0,
        keep_size: bool = False,
        channels_a: int = 3,
        channels_b: int = 3,
        palette: list[Colour] | str | None = None,
        palette_tolerance: float = 0.0,
        labels_in: Literal["a", "b"] | None = None,
        share: float = 0.05,
        background: Colour = WHITE,
        cmyk: CMYK = "profile",
        num_workers: int = 4,
        **loading: Any,
    ) -> None:
        channels = {"a": channels_a, "b": channels_b}
        check_numbers(size, jitter, background, channels)
        colours = palette_of(palette, palette_tolerance) if palette is not None else None
        check_labels(palette is not None, palette_tolerance, labels_in, channels)
        self.spec = PairSpec(channels_a, channels_b, size)
        self.labels_in, self.palette = labels_in, colours.tensor() if colours else None
        super().__init__(root, share, num_workers=num_workers, cmyk=cmyk, **loading)
        self.load_size = loaded_at(load_size, size, resize)
        self.evaluation_batch_size = 1 if keep_size else self.evaluation_batch_size
        decoding = SideDecoding(
            size, resize="none" if keep_size else resize, cut=not keep_size, background=background, cmyk=cmyk
        )
        self.eval_decoding = {
            side: decoding._replace(channels=channels[side], palette=colours if side == labels_in else None)
            for side in SIDES
        }
        self.train_decoding = {
            side: each._replace(size=self.load_size, resize=resize, cut=False)
            for side, each in self.eval_decoding.items()
        }
        self.flip, self.jitter = flip, jitter

    def predict_decoding(self) -> SideDecoding:
        return self.eval_decoding["b" if self.direction is Direction.b_to_a else "a"].native()

    def files(self, paths: Sequence[str], decoding: SideDecoding) -> Files:
        return Files(self.root, paths, torch.zeros(len(paths), dtype=torch.int64), decoding)

    def augmentation(self, *sides: str) -> CropFlipJitter:
        """The joint augmentation of the pictures of ``sides``."""
        labels = tuple(number for number, side in enumerate(sides) if self.eval_decoding[side].palette)
        return CropFlipJitter(self.eval_decoding["a"].size, self.flip, self.jitter, labels)

    def check_cut(self, paths: Sequence[str], sizes: Sequence[Size]) -> None:
        """Refuse pictures that are smaller than the crop.

        Raises:
            UserError: naming the files.
        """
        if self.train_decoding["a"].resize == "none":
            ways = "Set data.init_args.size, or data.init_args.resize to squash or short_side"
            check_large_enough(paths, sizes, self.eval_decoding["a"].size, ways)

    def check_labels(
        self, paths: Sequence[str], side: str, half: Half = "whole", others: Sequence[str] | None = None
    ) -> None:
        """Refuse label maps with colours outside of the palette, or that the palette does not fit.

        Args:
            paths: of the files with the pictures of ``side``.
            side: "a" or "b", as the set calls it.
            half: of the files.
            others: paths of the other side's pictures, if these are separate files.

        Raises:
            UserError: naming the files, or how pixels fit each colour.
        """
        decoding = self.eval_decoding[side]._replace(half=half)
        if not decoding.palette:
            return
        palette, opposite = decoding.palette, decoding._replace(half=OPPOSITE[half])

        def elsewhere() -> str:
            there = paths if others is None else others
            fits = fits_some(there, lambda path: opposite.side(opposite.file(path)), palette)
            other = {"a": "b", "b": "a"}[side]
            return f"The label maps are the pictures of {other}: set data.init_args.labels_in to {other}" * fits

        key = repr((decoding.half, decoding.background, decoding.cmyk))
        fit = check_colours(paths, lambda path: decoding.side(decoding.file(path)), palette, key, elsewhere)
        if Path(paths[0]).is_relative_to(self.folders["train"][0]) and (unused := fit.unused()):
            warnings.warn(
                f"{len(unused)} of {len(palette.colours)} colours of the palette are in no training label map, "
                f"{palette.colours[unused[0]]} (class {unused[0]}) among them.",
                stacklevel=2,
            )


def loaded_at(load_size: int | None, size: int, resize: Resize) -> int:
    """The size of training pictures before the crop.

    Raises:
        UserError: if it is smaller than the crop, or set with resize "none".
    """
    if load_size is not None and (load_size < size or resize == "none"):
        got = f"{load_size} with resize none" if resize == "none" else f"{load_size} for a size of {size}"
        raise UserError(
            "Pictures are resized to load_size, and squares of size are cropped from them; "
            f"got {got}. Set data.init_args.load_size."
        )
    return load_size or round(size * 286 / 256)


def check_numbers(size: int, jitter: float, background: Colour, channels: dict[str, int]) -> None:
    """Check the range of each setting.

    Raises:
        UserError: naming the first that is out of range.
    """
    if size < 1:
        raise UserError(f"Images have at least one pixel; got size {size}. Set data.init_args.size.")
    if not 0 <= jitter <= 1:
        raise UserError(f"A jitter is a relative change from 0 to 1; got {jitter}. Set data.init_args.jitter.")
    if not all(0 <= part <= 255 for part in background):
        raise UserError(
            f"A background is red, green and blue from 0 to 255; got {background}. Set data.init_args.background."
        )
    for side, count in channels.items():
        if count not in (1, 3):
            raise UserError(
                f"Pictures have 3 channels, or 1 for grey; got {count}. Set data.init_args.channels_{side}."
            )


def check_labels(palette: bool, tolerance: float, labels_in: str | None, channels: dict[str, int]) -> None:
    """Check that the settings of label maps fit together.

    Raises:
        UserError: if not.
    """
    if palette != (labels_in is not None):
        given, lacking = ("palette", "labels_in") if palette else ("labels_in", "palette")
        raise UserError(
            f"Label maps need both labels_in and palette; got {given} without {lacking}. Set data.init_args.{lacking}."
        )
    if tolerance and not palette:
        raise UserError(
            f"palette_tolerance needs a palette; got {tolerance:g} without one. Set data.init_args.palette."
        )
    if labels_in and channels[labels_in] != 3:
        raise UserError(
            f"Label maps have three channels; got {channels[labels_in]}. Set data.init_args.channels_{labels_in}."
        )
