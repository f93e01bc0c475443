"""How one side of a pair is read from its file: half or whole, resized or not, a picture or a label map."""

from typing import Literal, NamedTuple

from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as F

from datamodules.files.decode import CMYK, WHITE, read_picture
from datamodules.files.label_maps import Palette

Resize = Literal["squash", "short_side", "none"]
Half = Literal["whole", "left", "right"]


class SideDecoding(NamedTuple):
    """How a picture file becomes (channels, H, W) uint8.

    Args:
        size: that ``resize`` leads to, and of the square that is cut.
        channels: 3, or 1 for grey.
        resize: "squash" makes a square of whatever shape, "short_side" keeps the shape, "none" the picture. Bicubic and
            antialiased; of label maps nearest, which makes no new colours.
        cut: whether the square in the centre is cut out afterwards.
        half: of the file.
        palette: of label maps.
        background: red, green and blue behind transparent places.
        cmyk: as in :func:`datamodules.files.decode.read_picture`.
    """

    size: int
    channels: int = 3
    resize: Resize = "squash"
    cut: bool = True
    half: Half = "whole"
    palette: Palette | None = None
    background: tuple[int, int, int] = WHITE
    cmyk: CMYK = "profile"

    def __call__(self, path: str) -> Tensor:
        return self.view(self.file(path))

    def file(self, path: str) -> Tensor:
        """All that the file shows."""
        return read_picture(path, self.channels, self.background, self.cmyk)

    def side(self, whole: Tensor) -> Tensor:
        """This side of it, as large as it is in the file."""
        middle = whole.shape[-1] // 2
        return {"whole": whole, "left": whole[..., :middle], "right": whole[..., middle:]}[self.half]

    def view(self, whole: Tensor) -> Tensor:
        """This side of a file's picture, resized, cut, and in the colours of the palette."""
        picture = self.resized(self.side(whole))
        if self.cut:
            picture = F.center_crop(picture, [self.size, self.size])
        return self.palette.decoded(picture) if self.palette and self.palette.tolerance else picture

    def resized(self, picture: Tensor) -> Tensor:
        if self.resize == "none":
            return picture
        to = [self.size, self.size] if self.resize == "squash" else [self.size]
        if self.palette:
            return F.resize(picture, to, InterpolationMode.NEAREST_EXACT)
        return F.resize(picture, to, InterpolationMode.BICUBIC, antialias=True)

    def told(self) -> str:
        size_matters = self.cut or self.resize != "none"
        return repr(tuple(self if size_matters else self._replace(size=0)))

    def native(self) -> "SideDecoding":
        """The same for a picture in a file of its own, as large as it is."""
        return self._replace(resize="none", cut=False, half="whole")
