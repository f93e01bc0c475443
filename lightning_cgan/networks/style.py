"""The image transformation network of Johnson et al. 2016, supplementary material, for style transfer."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from lightning_cgan.batches import ImageSpec
from lightning_cgan.errors import UserError

MARGIN = 40  # pixels of reflection that the unpadded convolutions of five residual blocks use up
CAFFE_MEAN = (123.68, 116.779, 103.939)  # of ImageNet's red, green and blue
SCALE = 150 / 127.5

Norm = Literal["instance", "batch"]
Upsampling = Literal["transposed", "nearest"]


class StyleNetwork(nn.Module):
    """Images (B, 3, H, W) in [-1, 1] of any size to images of the same size; one side has 5 pixels at least.

    The authors' images are Caffe's, pixels from 0 to 255 less ImageNet's mean colour, and their last layer is 150 tanh.
    Here the same layer is written for images in [-1, 1]: (150 tanh + mean) / 127.5 - 1. It reaches a little beyond
    [-1, 1] on either side, and never saturates at black or white; whoever shows an image clips it.

    Args:
        spec: of the data, three channels.
        width: channels of the first layer; the others have 2 and 4 times as many.
        blocks: residual blocks at a quarter of the size. The margin of reflection is 8 pixels for each.
        norm: "batch" is the paper's; "instance" (Ulyanov et al. 2016) is what the authors' code has come to prefer.
        upsampling: "transposed" convolutions are the paper's; "nearest" enlarges and convolves, which leaves no
            checkerboard (Odena et al. 2016).

    Raises:
        UserError: for images without three channels.
    """

    mean: Tensor

    def __init__(
        self,
        spec: ImageSpec,
        width: int = 32,
        blocks: int = 5,
        norm: Norm = "instance",
        upsampling: Upsampling = "transposed",
    ) -> None:
        super().__init__()
        if spec.channels != 3:
            raise UserError(
                f"Style is transferred between pictures of three channels; met {spec.channels}. "
                "Set data.init_args.channels to 3."
            )
        self.margin = 8 * blocks
        self.down = nn.Sequential(
            *convolution(3, width, 9, 1, norm),
            *convolution(width, 2 * width, 3, 2, norm),
            *convolution(2 * width, 4 * width, 3, 2, norm),
        )
        self.blocks = nn.Sequential(*(UnpaddedBlock(4 * width, norm) for _ in range(blocks)))
        self.up = nn.Sequential(
            *enlargement(4 * width, 2 * width, norm, upsampling),
            *enlargement(2 * width, width, norm, upsampling),
            nn.Conv2d(width, 3, 9, padding=4),
        )
        mean = torch.tensor(CAFFE_MEAN)[:, None, None] / 127.5 - 1
        self.register_buffer("mean", mean, persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        hidden = self.up(self.blocks(self.down(reflected(image, self.margin))))
        return (SCALE * torch.tanh(hidden) + self.mean)[..., :height, :width]


class UnpaddedBlock(nn.Module):
    """(B, C, H, W) to (B, C, H - 4, W - 4): two unpadded convolutions, added to the input's middle without a ReLU."""

    def __init__(self, channels: int, norm: Norm) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(channels, channels, 3), norm_of(channels, norm)
        self.conv2, self.norm2 = nn.Conv2d(channels, channels, 3), norm_of(channels, norm)

    def forward(self, image: Tensor) -> Tensor:
        hidden = relu(self.norm1(self.conv1(image)))
        return self.norm2(self.conv2(hidden)) + image[..., 2:-2, 2:-2]


def convolution(before: int, after: int, kernel: int, stride: int, norm: Norm) -> tuple[nn.Module, ...]:
    return nn.Conv2d(before, after, kernel, stride, kernel // 2), norm_of(after, norm), nn.ReLU()


def enlargement(before: int, after: int, norm: Norm, way: Upsampling) -> tuple[nn.Module, ...]:
    """Layers that double the size, (B, before, H, W) to (B, after, 2H, 2W); both ways have the same weights' sizes."""
    if way == "transposed":
        layer: list[nn.Module] = [nn.ConvTranspose2d(before, after, 3, 2, padding=1, output_padding=1)]
    else:
        layer = [nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(before, after, 3, padding=1)]
    return *layer, norm_of(after, norm), nn.ReLU()


def norm_of(channels: int, norm: Norm) -> nn.Module:
    return nn.BatchNorm2d(channels) if norm == "batch" else nn.InstanceNorm2d(channels, affine=True)


def reflected(image: Tensor, margin: int) -> Tensor:
    """(B, C, H, W) to (B, C, H + 2 margin, W + 2 margin): mirrored at its edges, again and again where it is small."""
    rows, columns = (mirror(length, margin, image.device) for length in image.shape[-2:])
    return image[..., rows, :][..., columns]


def mirror(length: int, margin: int, device: torch.device) -> Tensor:
    """(length + 2 margin,) the pixel that each place shows."""
    period = max(2 * (length - 1), 1)
    place = torch.arange(-margin, length + margin, device=device).remainder(period)
    return torch.minimum(place, period - place) if length > 1 else torch.zeros_like(place)
