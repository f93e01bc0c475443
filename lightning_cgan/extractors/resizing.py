"""Resizing of images to the input size of an extractor. Scores with different resizing are not comparable."""

from enum import Enum

from torch import Tensor
from torch.nn.functional import interpolate
from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x


class Resize(Enum):
    """Resize methods; the evaluation card has the value and the size.

    TENSORFLOW_1: from the top left corner, without antialiasing, as in the original FID and most published values.
    PIL_BILINEAR: antialiased, on floats, as in the benchmark of PyTorch-StudioGAN.
    PIL_BICUBIC: antialiased, on floats, not clipped, as in clean-fid. Parmar et al. 2022.
    """

    TENSORFLOW_1 = "TensorFlow 1 bilinear"
    PIL_BILINEAR = "PIL bilinear"
    PIL_BICUBIC = "PIL bicubic"

    def to(self, size: int) -> str:
        """The name of the method with the size in pixels, for the card."""
        return f"{self.value} to {size}x{size}"


def resized(image: Tensor, size: int, way: Resize) -> Tensor:
    """uint8 (B, C, H, W) to float32 (B, C, size, size) in [0, 255], neither rounded nor clipped."""
    if way is Resize.TENSORFLOW_1:
        return interpolate_bilinear_2d_like_tensorflow1x(image.float(), size=(size, size), align_corners=False)
    mode = "bilinear" if way is Resize.PIL_BILINEAR else "bicubic"
    return interpolate(image.float(), size=(size, size), mode=mode, antialias=True)


def pictured(image: Tensor, size: int) -> Tensor:
    """uint8 (B, C, H, W) to whole float32 (B, C, size, size) in [0, 255]: PIL's bicubic filter on bytes.

    Along rows, then along columns, rounded to bytes in between, as in PIL; on floats, edges overshoot further.
    """
    pixels = image.float()
    for shape in ((image.shape[2], size), (size, size)):
        pixels = interpolate(pixels, size=shape, mode="bicubic", antialias=True).round_().clamp_(0, 255)
    return pixels
