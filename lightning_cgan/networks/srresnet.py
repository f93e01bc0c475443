"""The networks of SRResNet and SRGAN. Ledig et al., CVPR 2017, Figure 4."""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import interpolate

from lightning_cgan.batches import PairSpec
from lightning_cgan.errors import UserError


def doublings(scale: int) -> int:
    """How often the low resolution is doubled.

    Raises:
        UserError: for a scale that is not 2, 4, 8, ...
    """
    if scale < 2 or scale & (scale - 1):
        raise UserError(
            f"SRResNet doubles the low resolution, so the scale is 2, 4, 8, ...; met {scale}. "
            "Set data.init_args.scale, or data to a set for super-resolution."
        )
    return scale.bit_length() - 1


def conv(in_channels: int, out_channels: int, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, kernel, stride, padding=kernel // 2)


class Block(nn.Module):
    """(B, width, h, w) to the same: two convolutions, and what came in is added."""

    def __init__(self, width: int, norm: bool) -> None:
        super().__init__()
        norms = [nn.BatchNorm2d(width) if norm else nn.Identity() for _ in range(2)]
        self.layers = nn.Sequential(conv(width, width), norms[0], nn.PReLU(), conv(width, width), norms[1])

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class Generator(nn.Module):
    """Low resolution (B, C, h, w) in [-1, 1] to images (B, C', scale h, scale w), around [-1, 1]: no layer bounds them.

    Blocks look at the low resolution, whose sides are free; each doubling moves channels to places. The paper's has
    1,549,462 parameters at scale 4.

    Args:
        spec: of the data.
        width: channels of a map.
        blocks: residual blocks.
        norm: batch norm in the blocks, and after them. Without it the network is easier to train (Lim et al. 2017).
        bicubic_skip: the network adds to the bicubic interpolation, which the paper's has to learn first.

    Raises:
        UserError: for a scale that is not 2, 4, 8, ...; or a skip between images of different channels.
    """

    def __init__(
        self, spec: PairSpec, width: int = 64, blocks: int = 16, norm: bool = True, bicubic_skip: bool = False
    ) -> None:
        super().__init__()
        if bicubic_skip and spec.channels_a != spec.channels_b:
            raise UserError(
                "The interpolated low resolution is added to the image, so both have as many channels; "
                f"met {spec.channels_a} and {spec.channels_b}. Set generator.init_args.bicubic_skip to false."
            )
        self.scale, self.bicubic_skip = spec.scale, bicubic_skip
        self.first = nn.Sequential(conv(spec.channels_a, width, 9), nn.PReLU())
        after = nn.BatchNorm2d(width) if norm else nn.Identity()
        self.blocks = nn.Sequential(*(Block(width, norm) for _ in range(blocks)), conv(width, width), after)
        double = (
            nn.Sequential(conv(width, 4 * width), nn.PixelShuffle(2), nn.PReLU()) for _ in range(doublings(spec.scale))
        )
        self.up = nn.Sequential(*double)
        self.last = conv(width, spec.channels_b, 9)

    def forward(self, low: Tensor) -> Tensor:
        x = self.first(low)
        image = self.last(self.up(x + self.blocks(x)))
        return image + bicubic(low, self.scale) if self.bicubic_skip else image


def bicubic(low: Tensor, scale: int) -> Tensor:
    """(B, C, h, w) to (B, C, scale h, scale w) with a = -0.5, as low resolutions are made; ``antialias`` sets it."""
    return interpolate(low.float(), scale_factor=scale, mode="bicubic", antialias=True)


class Discriminator(nn.Module):
    """Images (B, C, size, size) to logits (B,). 23,565,505 parameters for the paper's 96 pixels and three channels.

    Four times a map is halved; what is left is seen whole, so images have the size that it was made for. Batch norm
    everywhere but in the first layer: give it real and generated images in separate calls.

    Args:
        spec: of the data; its ``size`` is that of the training images.
        width: channels of the first map; 8 times as many of the last, and 16 times of the dense layer.

    Raises:
        UserError: for a size that is no multiple of 16; when called, for images of another size.
    """

    def __init__(self, spec: PairSpec, width: int = 64) -> None:
        super().__init__()
        if spec.size < 16 or spec.size % 16:
            raise UserError(
                f"SRGAN's discriminator halves an image four times, so its size is a multiple of 16; met {spec.size}. "
                "Set data.init_args.size."
            )
        self.size = spec.size
        channels = [width, width, 2 * width, 2 * width, 4 * width, 4 * width, 8 * width, 8 * width]
        layers: list[nn.Module] = [conv(spec.channels_b, width), nn.LeakyReLU(0.2)]
        for place, (before, after) in enumerate(pairwise(channels)):
            layers += [conv(before, after, stride=1 + (place + 1) % 2), nn.BatchNorm2d(after), nn.LeakyReLU(0.2)]
        places = (spec.size // 16) ** 2
        dense = [nn.Linear(8 * width * places, 16 * width), nn.LeakyReLU(0.2), nn.Linear(16 * width, 1)]
        self.layers = nn.Sequential(*layers, nn.Flatten(), *dense)

    def forward(self, image: Tensor) -> Tensor:
        if image.shape[-2:] != (self.size, self.size):
            met = "x".join(map(str, image.shape[-2:]))
            raise UserError(
                f"This discriminator sees images of {self.size}x{self.size} pixels whole; met {met}. "
                "Set data.init_args.size, and make the discriminator with the data's spec."
            )
        return self.layers(image).squeeze(1)
