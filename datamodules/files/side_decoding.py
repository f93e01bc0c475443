"""Decoding of one side of a pair: the whole file or half of it, resized and cropped, a picture or a label map."""

from typing import Literal, NamedTuple

from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as F

from datamodules.files.decode import CMYK, WHITE, read_picture
from datamodules.files.label_maps import Palette

Resize = Literal["squash", "short_side", "none"]
Half = Literal["whole", "left", "right"]


class SideDecoding(NamedTuple):
    """Decodes a picture file to (channels, H, W) uint8.

    Args:
        size: after resizing, and of the crop.
        channels: 3, or 1 for grey.
        resize: "squash" resizes to a square, "short_side" keeps the aspect ratio, "none" keeps the size. Bicubic and
            antialiased; nearest for label maps, which adds no new colours.
        cut: whether to crop the square in the centre afterwards.
        half: of the file.
        palette: of label maps.
        background: red, green and blue behind transparent pixels.
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
        """The whole picture in the file."""
        return read_picture(path, self.channels, self.background, self.cmyk)

    def side(self, whole: Tensor) -> Tensor:
        """This side of the ``whole`` picture, at its size in the file."""
        middle = whole.shape[-1] // 2
        return {"whole": whole, "left": whole[..., :middle], "right": whole[..., middle:]}[self.half]

    def view(self, whole: Tensor) -> Tensor:
        """This side of the ``whole`` picture, resized, cropped, and in the colours of the palette."""
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

    def settings(self) -> str:
        size_matters = self.cut or self.resize != "none"
        return repr(tuple(self if size_matters else self._replace(size=0)))

    def native(self) -> "SideDecoding":
        """The same decoding for a file that holds one picture, at its own size."""
        return self._replace(resize="none", cut=False, half="whole")
