"""A user's pictures for ``predict``."""

from pathlib import Path

import torch

from datamodules.files.decode import printable
from datamodules.files.headers import sizes
from datamodules.files.image_files import Files, Scan
from datamodules.files.palette_check import check_colours
from datamodules.files.side_decoding import SideDecoding
from lightning_cgan.errors import UserError


class PredictFiles(Files):
    """The picture at path ``place``, or all below it if it is a folder, decoded on reading.

    Args:
        place: a file or a folder.
        decoding: of each picture.

    Attributes:
        name: of each picture: its path below the folder without extension; with it, for all, if two would be equal.
        same_size: whether all pictures have the same size, so that a batch may hold several.

    Raises:
        UserError: if the path does not exist, for a folder without pictures, a file that is not a picture, or a label
            map in other colours than the palette's.
    """

    def __init__(self, place: str, decoding: SideDecoding) -> None:
        root = Path(place)
        if not root.exists():
            raise UserError(
                "Pictures to translate are a file, or a folder of them; "
                f"got {printable(place)}, which does not exist. Set data.init_args.predict_from."
            )
        paths = Scan([root]).found[0] if root.is_dir() else [place]
        if not paths:
            raise UserError(
                f"Pictures to translate are a file, or a folder of them; got {printable(place)} without pictures. "
                "Set data.init_args.predict_from."
            )
        self.same_size = len(set(sizes(paths, decoding.cmyk, "predict_from"))) == 1
        if decoding.palette:
            key = repr((decoding.background, decoding.cmyk))
            check_colours(paths, decoding.file, decoding.palette, key, lambda: "Draw them in the colours of the set")
        super().__init__(root, paths, torch.zeros(len(paths), dtype=torch.int64), decoding)
        self.name = names(root if root.is_dir() else root.parent, paths)


def names(folder: Path, paths: list[str]) -> list[str]:
    """A different name for each of ``paths``."""
    below = [Path(path).relative_to(folder) for path in paths]
    without_ending = [path.with_suffix("").as_posix() for path in below]
    return without_ending if len(set(without_ending)) == len(paths) else [path.as_posix() for path in below]
