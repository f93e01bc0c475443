"""What folders of pictures in two domains have in common: how they are read, cut, checked and split."""

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
from datamodules.files.layouts import Folders, check_layout, check_share, home, places, told
from datamodules.files.palette_check import check_colours, fits_some
from datamodules.files.side_decoding import Half, Resize, SideDecoding
from datamodules.translation import Direction, Domains, TranslationDataModule
from lightning_cgan.batches import PairSpec
from lightning_cgan.errors import UserError

SIDES = ("a", "b")
OPPOSITE: dict[Half, Half] = {"left": "right", "right": "left", "whole": "whole"}


File = TypeVar("File", str, tuple[str, str])


class SplitFolders(TranslationDataModule):
    """Base of the folders of two domains. A subclass says which there are, and reads them.

    Where both ``val`` and ``test`` are there, each is what it is called. Where only one is, ``test`` scores it, and
    a ``share`` of the training pictures is held out to select checkpoints by; where none is, as many again are held out
    for ``test``. Which ones depends on the name of each picture, or pair, below its folder: they are the same in every
    run, and stay so when others come or go (:func:`~datamodules.core.splits.held_out_by_name`). The evaluation card
    tells what was measured on. Links are followed wherever they lead.

    Args:
        root: holds the folders.
        share: expected of the training pictures, at most 1/3, for a split without a folder.
        loading: of :class:`~datamodules.TranslationDataModule`.

    Raises:
        UserError: for another share; on ``prepare_data``, before training, and on ``setup`` if folders are missing.
    """

    known_splits = ("train", "val", "test")
    ways: str  # in which the training folders may lie, for messages

    def __init__(self, root: str, share: float, **loading: Any) -> None:
        super().__init__(**loading)
        check_share(share)
        self.root, self.share = Path(root), share
        self.folders: Folders = {}

    def found(self) -> Folders:
        """The folders of each split that there is."""
        raise NotImplementedError

    def read(self, split: str, folders: tuple[Path, ...]) -> Domains:
        """The pictures of ``split``, which lie in ``folders``, checked."""
        raise NotImplementedError

    def prepare_data(self) -> None:
        """Look at everything before training begins, and before an earlier run is moved."""
        if self.trainer is None or self.trainer.training:
            for split in ("train", "val", "test"):
                self.domains(split)

    def load(self, split: str) -> Domains:
        self.folders = self.found()
        check_layout(self.root, self.folders, split, self.ways)
        return self.read(split, self.folders[home(split, self.folders)])

    def part(self, files: Sequence[File], split: str, folder: Path) -> list[File]:
        """Those of ``files``, which are all that lie in ``folder``, that belong to ``split``.

        Of pairs the picture in ``folder`` comes first.
        """
        paths = [file if isinstance(file, str) else file[0] for file in files]
        return [files[place] for place in places(paths, split, self.folders, self.share, folder)]

    def split_description(self, split: str) -> str:
        return told(split, self.folders or self.found(), self.share)


class TranslationFolder(SplitFolders):
    """Base of the folders of pictures in two domains, by the handling of Isola et al. 2017 and Zhu et al. 2017.

    To train on, pictures are resized to ``load_size``, and a square of ``size`` is cut and mirrored at random. Those
    that are measured are resized to ``size`` instead. What becomes of transparency, rotation, 16 bits and so on is said
    in :mod:`datamodules.files.decode`, and which pictures are measured in
    :class:`~datamodules.SplitFolders`.

    Args:
        root: holds the folders.
        size: of the images.
        load_size: to which pictures are resized before they are cut; 286 for each 256 of ``size`` when None.
        resize: "squash" resizes to a square whatever the shape, as published; "short_side" keeps the shape, and
            cuts the square in the centre of what is measured; "none" cuts squares out of the pictures as they are.
        flip: whether training images are mirrored at random.
        jitter: at most by how much brightness, contrast and saturation of training images are changed, from 0 to 1;
            label maps keep their colours.
        keep_size: whether what is measured stays as large as it is, one image in a batch.
        channels_a: 3, or 1 for grey, of the domain that the set calls a.
        channels_b: of the other.
        palette: red, green and blue of each class, or the name of a published palette, where one domain is label maps.
        palette_tolerance: how far from its nearest colour in the palette a pixel of a label map may be, as a distance
            in RGB. It takes that colour. 0 for exact colours; of maps saved as JPEG, as published, 442 takes all.
            Whatever it is, maps are refused most of whose colours the palette does not have:
            :mod:`datamodules.files.palette_check`.
        labels_in: the domain that is label maps, "a" or "b", as the set calls it.
        share: of the training pictures, at most 1/3, for a split without a folder.
        background: red, green and blue behind transparent places.
        cmyk: "plain" takes CMYK pictures without an ICC profile too, in colours that are near at best.
        num_workers: processes that decode.
        loading: of :class:`~datamodules.TranslationDataModule`.

    Raises:
        UserError: for settings that make no sense together.
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
        as_asked = SideDecoding(
            size, resize="none" if keep_size else resize, cut=not keep_size, background=background, cmyk=cmyk
        )
        self.measuring = {
            side: as_asked._replace(channels=channels[side], palette=colours if side == labels_in else None)
            for side in SIDES
        }
        self.training = {
            side: decoding._replace(size=self.load_size, resize=resize, cut=False)
            for side, decoding in self.measuring.items()
        }
        self.flip, self.jitter = flip, jitter

    def predict_decoding(self) -> SideDecoding:
        return self.measuring["b" if self.direction is Direction.b_to_a else "a"].native()

    def files(self, paths: Sequence[str], decoding: SideDecoding) -> Files:
        return Files(self.root, paths, torch.zeros(len(paths), dtype=torch.int64), decoding)

    def augmentation(self, *sides: str) -> CropFlipJitter:
        """Of the pictures of ``sides``, together."""
        labels = tuple(place for place, side in enumerate(sides) if self.measuring[side].palette)
        return CropFlipJitter(self.measuring["a"].size, self.flip, self.jitter, labels)

    def check_cut(self, paths: Sequence[str], sizes: Sequence[Size]) -> None:
        """Refuse pictures that are too small to be cut.

        Raises:
            UserError: naming the files.
        """
        if self.training["a"].resize == "none":
            ways = "Set data.init_args.size, or data.init_args.resize to squash or short_side"
            check_large_enough(paths, sizes, self.measuring["a"].size, ways)

    def check_labels(
        self, paths: Sequence[str], side: str, half: Half = "whole", others: Sequence[str] | None = None
    ) -> None:
        """Refuse label maps in colours outside of the palette, or that the palette does not fit.

        Args:
            paths: of the files with the pictures of ``side``.
            side: "a" or "b", as the set calls it.
            half: of the files.
            others: paths of the other side's pictures, where they are files of their own.

        Raises:
            UserError: naming the files, or what became of each colour.
        """
        decoding = self.measuring[side]._replace(half=half)
        if not decoding.palette:
            return
        palette, opposite = decoding.palette, decoding._replace(half=OPPOSITE[half])

        def elsewhere() -> str:
            there = paths if others is None else others
            fits = fits_some(there, lambda path: opposite.side(opposite.file(path)), palette)
            other = {"a": "b", "b": "a"}[side]
            return f"The label maps are the pictures of {other}: set data.init_args.labels_in to {other}" * fits

        told = repr((decoding.half, decoding.background, decoding.cmyk))
        fit = check_colours(paths, lambda path: decoding.side(decoding.file(path)), palette, told, elsewhere)
        if Path(paths[0]).is_relative_to(self.folders["train"][0]) and (unused := fit.unused()):
            warnings.warn(
                f"{len(unused)} of {len(palette.colours)} colours of the palette are in no training label map, "
                f"{palette.colours[unused[0]]} (class {unused[0]}) among them.",
                stacklevel=2,
            )


def loaded_at(load_size: int | None, size: int, resize: Resize) -> int:
    """The size before the cut.

    Raises:
        UserError: if it is smaller than the cut, or nothing is resized.
    """
    if load_size is not None and (load_size < size or resize == "none"):
        got = f"{load_size} with resize none" if resize == "none" else f"{load_size} for a size of {size}"
        raise UserError(
            "Pictures are resized to load_size, and squares of size are cut out of that; "
            f"got {got}. Set data.init_args.load_size."
        )
    return load_size or round(size * 286 / 256)


def check_numbers(size: int, jitter: float, background: Colour, channels: dict[str, int]) -> None:
    """Each by itself.

    Raises:
        UserError: naming the one that makes no sense.
    """
    if size < 1:
        raise UserError(f"Images have at least one pixel; got size {size}. Set data.init_args.size.")
    if not 0 <= jitter <= 1:
        raise UserError(f"A jitter changes colours by 0 to 1 of them; got {jitter}. Set data.init_args.jitter.")
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
    """What is said about label maps.

    Raises:
        UserError: if it does not fit together.
    """
    if palette != (labels_in is not None):
        given, lacking = ("palette", "labels_in") if palette else ("labels_in", "palette")
        raise UserError(
            "Label maps need the domain that they are, and their colours; "
            f"got {given} without {lacking}. Set data.init_args.{lacking}."
        )
    if tolerance and not palette:
        raise UserError(
            f"A tolerance is one to the colours of a palette; got {tolerance:g} without. Set data.init_args.palette."
        )
    if labels_in and channels[labels_in] != 3:
        raise UserError(
            f"Label maps have the three channels of their colours; got {channels[labels_in]}. "
            f"Set data.init_args.channels_{labels_in}."
        )
