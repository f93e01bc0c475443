"""Line drawings beside photographs, as edges2shoes and edges2handbags are published, with the lines made thicker."""

from typing import Any

from torch import Tensor
from torch.nn.functional import max_pool2d

from datamodules.files.side_decoding import SideDecoding
from datamodules.folders.paired import PairedFolder


class ThickLines(SideDecoding):
    """Dark lines grow by a pixel to each side before a picture is resized, or small pictures would lose them."""

    def resized(self, picture: Tensor) -> Tensor:
        return super().resized(thickened(picture))


def thickened(picture: Tensor) -> Tensor:
    """(C, H, W) uint8, each value the darkest of its 3x3 neighbourhood."""
    return 255 - max_pool2d(255.0 - picture, 3, stride=1, padding=1).to(picture.dtype)


class EdgesFolder(PairedFolder):
    """Pairs of which a is line drawings, thickened as the code of Kim et al. 2017 does before it makes them small.

    Args:
        root: holds the folders.
        folder: of :class:`~datamodules.PairedFolder`.

    Raises:
        UserError: as that class does.
    """

    def __init__(self, root: str, **folder: Any) -> None:
        super().__init__(root, **folder)
        for decodings in (self.measuring, self.training):
            decodings["a"] = ThickLines(*decodings["a"])
