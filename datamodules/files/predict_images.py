"""Pictures of a user's own, to be translated by a trained model."""

from pathlib import Path

import torch

from datamodules.files.decode import shown
from datamodules.files.headers import sizes
from datamodules.files.image_files import Files, Scan
from datamodules.files.palette_check import check_colours
from datamodules.files.side_decoding import SideDecoding
from lightning_cgan.errors import UserError


class PredictFiles(Files):
    """The picture in ``place``, or all below it if it is a folder, decoded when asked for.

    Args:
        place: a file or a folder.
        decoding: of each picture.

    Attributes:
        name: of each picture: its path below the folder without the ending, or of all with it where two would be
            called the same.
        same_size: whether all have the same size, so that a batch may hold several.

    Raises:
        UserError: if there is nothing, or no picture, or a file that is none, or a label map in other colours than
            the palette's.
    """

    def __init__(self, place: str, decoding: SideDecoding) -> None:
        root = Path(place)
        if not root.exists():
            raise UserError(
                "Pictures to translate are a file, or a folder of them; "
                f"there is no {shown(place)}. Set data.init_args.predict_from."
            )
        paths = Scan([root]).found[0] if root.is_dir() else [place]
        if not paths:
            raise UserError(
                f"Pictures to translate are a file, or a folder of them; {shown(place)} has none that could be taken. "
                "Set data.init_args.predict_from."
            )
        self.same_size = len(set(sizes(paths, decoding.cmyk, "predict_from"))) == 1
        if decoding.palette:
            told = repr((decoding.background, decoding.cmyk))
            check_colours(paths, decoding.file, decoding.palette, told, lambda: "Draw them in the colours of the set")
        super().__init__(root, paths, torch.zeros(len(paths), dtype=torch.int64), decoding)
        self.name = names(root if root.is_dir() else root.parent, paths)


def names(folder: Path, paths: list[str]) -> list[str]:
    """What to call each of ``paths``, no two the same."""
    below = [Path(path).relative_to(folder) for path in paths]
    without_ending = [path.with_suffix("").as_posix() for path in below]
    return without_ending if len(set(without_ending)) == len(paths) else [path.as_posix() for path in below]
