"""Image transformation network for style transfer. Johnson et al. 2016, supplementary material."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from lightning_cgan.batches import ImageSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks.blocks.any_size import mirrored

MARGIN = 40  # reflection padding in pixels, consumed by the unpadded convolutions of five residual blocks
CAFFE_MEAN = (123.68, 116.779, 103.939)  # ImageNet mean of red, green and blue, in [0, 255]
SCALE = 150 / 127.5

Norm = Literal["instance", "batch"]
Upsampling = Literal["transposed", "nearest"]


class StyleNetwork(nn.Module):
    """Style network: images (B, 3, H, W) in [-1, 1] to images of the same size; one side must have at least 5 pixels.

    The authors' images follow the Caffe convention, pixels in [0, 255] minus ImageNet's mean colour, and their last
    layer is 150 tanh(x). Here the same layer is rescaled to [-1, 1]: (150 tanh(x) + mean) / 127.5 - 1. Its range
    extends slightly beyond [-1, 1] on both sides, so it does not saturate at black or white; clip it for display.

    Args:
        spec: image shape, three channels.
        width: channels of the first layer; the next two have 2 and 4 times as many.
        blocks: residual blocks at a quarter of the size. The input is reflection-padded by 8 pixels for each block.
        norm: "batch" as in the paper; "instance" (Ulyanov et al. 2016) is the later default of the authors' code.
        upsampling: "transposed" convolutions as in the paper; "nearest" upsamples and convolves, which avoids
            checkerboard artefacts (Odena et al. 2016).

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
                f"Style transfer needs images of three channels; got {spec.channels}. Set data.init_args.channels to 3."
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
    """Residual block of two unpadded convolutions, (B, C, H, W) to (B, C, H - 4, W - 4), no ReLU after the sum."""

    def __init__(self, channels: int, norm: Norm) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(channels, channels, 3), norm_of(channels, norm)
        self.conv2, self.norm2 = nn.Conv2d(channels, channels, 3), norm_of(channels, norm)

    def forward(self, image: Tensor) -> Tensor:
        hidden = relu(self.norm1(self.conv1(image)))
        return self.norm2(self.conv2(hidden)) + image[..., 2:-2, 2:-2]


def convolution(before: int, after: int, kernel: int, stride: int, norm: Norm) -> tuple[nn.Module, ...]:
    return nn.Conv2d(before, after, kernel, stride, kernel // 2), norm_of(after, norm), nn.ReLU()


def enlargement(before: int, after: int, norm: Norm, upsampling: Upsampling) -> tuple[nn.Module, ...]:
    """Layers that double the size, (B, before, H, W) to (B, after, 2H, 2W).

    Both kinds of ``upsampling`` have weights of the same shapes.
    """
    if upsampling == "transposed":
        layer: list[nn.Module] = [nn.ConvTranspose2d(before, after, 3, 2, padding=1, output_padding=1)]
    else:
        layer = [nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(before, after, 3, padding=1)]
    return *layer, norm_of(after, norm), nn.ReLU()


def norm_of(channels: int, norm: Norm) -> nn.Module:
    return nn.BatchNorm2d(channels) if norm == "batch" else nn.InstanceNorm2d(channels, affine=True)


def reflected(image: Tensor, margin: int) -> Tensor:
    """Reflection padding by ``margin`` pixels on each side, repeated if the image is smaller than the margin.

    (B, C, H, W) to (B, C, H + 2 * margin, W + 2 * margin).
    """
    rows, columns = (mirrored(length, 2 * margin, image.device) for length in image.shape[-2:])
    return image[..., rows, :][..., columns]
