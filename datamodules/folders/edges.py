"""Folders of line drawings paired with photographs, as edges2shoes and edges2handbags are published."""

from typing import Any

from torch import Tensor
from torch.nn.functional import max_pool2d

from datamodules.files.side_decoding import SideDecoding
from datamodules.folders.paired import PairedFolder


class ThickLines(SideDecoding):
    """Decoding that thickens dark lines by a pixel on each side before resizing, which would otherwise erase them."""

    def resized(self, picture: Tensor) -> Tensor:
        return super().resized(thickened(picture))


def thickened(picture: Tensor) -> Tensor:
    """``picture`` (C, H, W) uint8 with each value replaced by the darkest of its 3x3 neighbourhood."""
    return 255 - max_pool2d(255.0 - picture, 3, stride=1, padding=1).to(picture.dtype)


class EdgesFolder(PairedFolder):
    """Pairs in which a is a line drawing, thickened before downsampling as in the code of Kim et al. 2017.

    Args:
        root: holds the folders.
        folder: of :class:`~datamodules.PairedFolder`.

    Raises:
        UserError: as that class does.
    """

    def __init__(self, root: str, **folder: Any) -> None:
        super().__init__(root, **folder)
        for decodings in (self.eval_decoding, self.train_decoding):
            decodings["a"] = ThickLines(*decodings["a"])
