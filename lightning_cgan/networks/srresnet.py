"""Generator of SRResNet and SRGAN, and discriminator of SRGAN. Ledig et al., CVPR 2017, Figure 4."""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import interpolate

from lightning_cgan.batches import PairSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks.blocks.powers import exponent_of_two


def doublings(scale: int) -> int:
    """Number of doublings from the low resolution to ``scale`` times its size.

    Raises:
        UserError: for a scale that is not 2, 4, 8, ...
    """
    rule = "SRResNet doubles the low resolution, so the scale is 2, 4, 8, ..."
    return exponent_of_two(scale, 2, rule, "Set data.init_args.scale, or data to a data set for super-resolution.")


def conv(in_channels: int, out_channels: int, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, kernel, stride, padding=kernel // 2)


class Block(nn.Module):
    """Residual block of two convolutions, (B, width, h, w) to the same shape."""

    def __init__(self, width: int, norm: bool) -> None:
        super().__init__()
        norms = [nn.BatchNorm2d(width) if norm else nn.Identity() for _ in range(2)]
        self.layers = nn.Sequential(conv(width, width), norms[0], nn.PReLU(), conv(width, width), norms[1])

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class Generator(nn.Module):
    """SRResNet generator: low resolution (B, C, h, w) in [-1, 1] to images (B, C', scale * h, scale * w), unbounded.

    Residual blocks work at the low resolution, of any height and width; each doubling is a pixel shuffle. The paper's
    network has 1,549,462 parameters at scale 4.

    Args:
        spec: shape of the data.
        width: channels of each hidden map.
        blocks: number of residual blocks.
        norm: batch norm in the blocks and after them. Without it the network is easier to train (Lim et al. 2017).
        bicubic_skip: add the output to the bicubic interpolation of the input, which the paper's network has to learn
            first.

    Raises:
        UserError: for a scale that is not 2, 4, 8, ..., or ``bicubic_skip`` with different numbers of channels.
    """

    def __init__(
        self, spec: PairSpec, width: int = 64, blocks: int = 16, norm: bool = True, bicubic_skip: bool = False
    ) -> None:
        super().__init__()
        if bicubic_skip and spec.channels_a != spec.channels_b:
            raise UserError(
                "bicubic_skip adds the interpolated low resolution to the image, so both need as many channels; "
                f"got {spec.channels_a} and {spec.channels_b}. Set generator.init_args.bicubic_skip to false."
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
    """Bicubic interpolation, (B, C, h, w) to (B, C, scale * h, scale * w), float32.

    ``antialias`` selects the cubic coefficient a = -0.5, with which the low resolutions are made.
    """
    return interpolate(low.float(), scale_factor=scale, mode="bicubic", antialias=True)


class Discriminator(nn.Module):
    """SRGAN discriminator: images (B, C, size, size) to logits (B,).

    23,565,505 parameters for the paper's 96 pixels and three channels. The map is halved four times, then a dense layer
    takes all of it, so the image size is fixed. Batch norm follows every convolution except the first, so real and
    generated images need separate calls.

    Args:
        spec: shape of the data; its ``size`` is that of the training images.
        width: channels of the first map; the last map has 8 times as many, the dense layer 16 times as many units.

    Raises:
        UserError: for a size that is not a multiple of 16, and in ``forward`` for images of another size.
    """

    def __init__(self, spec: PairSpec, width: int = 64) -> None:
        super().__init__()
        if spec.size < 16 or spec.size % 16:
            raise UserError(
                f"SRGAN's discriminator halves an image four times, so its size is a multiple of 16; got {spec.size}. "
                "Set data.init_args.size."
            )
        self.size = spec.size
        channels = [width, width, 2 * width, 2 * width, 4 * width, 4 * width, 8 * width, 8 * width]
        layers: list[nn.Module] = [conv(spec.channels_b, width), nn.LeakyReLU(0.2)]
        for index, (before, after) in enumerate(pairwise(channels)):
            layers += [conv(before, after, stride=1 + (index + 1) % 2), nn.BatchNorm2d(after), nn.LeakyReLU(0.2)]
        positions = (spec.size // 16) ** 2
        dense = [nn.Linear(8 * width * positions, 16 * width), nn.LeakyReLU(0.2), nn.Linear(16 * width, 1)]
        self.layers = nn.Sequential(*layers, nn.Flatten(), *dense)

    def forward(self, image: Tensor) -> Tensor:
        if image.shape[-2:] != (self.size, self.size):
            got = "x".join(map(str, image.shape[-2:]))
            raise UserError(
                f"This discriminator takes images of {self.size}x{self.size} pixels only; got {got}. "
                "Set data.init_args.size, and build the discriminator from the spec of the data."
            )
        return self.layers(image).squeeze(1)
