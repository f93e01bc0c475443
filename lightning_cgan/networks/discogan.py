"""The networks of DiscoGAN. Kim et al., ICML 2017; layers and widths of the authors' code for 64x64 images.

The code has images in [0, 1] and ends its generator in a sigmoid. Here they are in [-1, 1] as everywhere else, and it
ends in a tanh, a sigmoid stretched to that range. No convolution has a bias. Initial weights are the framework's.
"""

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lightning_cgan.batches import ImageSpec, PairSpec
from lightning_cgan.errors import UserError

BOTTLENECK = 100  # channels of the extra layer's single pixel


class DiscriminatorOutput(NamedTuple):
    """What a discriminator says of (B, C, H, W)."""

    logits: Tensor  # (B,)
    features: tuple[Tensor, ...]  # (B, ...) each, of the layers that a generator may be asked to match


def widths(size: int, width: int) -> list[int]:
    """Channels after each halving of a square image, down to 4x4.

    Raises:
        UserError: for a size that is not 8, 16, 32, ...
    """
    if size < 8 or size & (size - 1):
        raise UserError(
            f"DiscoGAN's networks halve images down to 4x4, so these have 8, 16, 32, ... pixels a side; met {size}. "
            "Set data.init_args.size, or other networks in model.init_args."
        )
    return [width << place for place in range(size.bit_length() - 3)]


def halve(before: int, after: int) -> nn.Module:
    return nn.Conv2d(before, after, 4, stride=2, padding=1, bias=False)


def double(before: int, after: int) -> nn.Module:
    return nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False)


def encoder(channels: int, wide: list[int]) -> list[nn.Sequential]:
    """Halvings of a (B, channels, H, W) image; the first has no batch norm."""
    first = nn.Sequential(halve(channels, wide[0]), nn.LeakyReLU(0.2))
    return [
        first,
        *(nn.Sequential(halve(*ends), nn.BatchNorm2d(ends[1]), nn.LeakyReLU(0.2)) for ends in pairwise(wide)),
    ]


class Generator(nn.Module):
    """Images (B, channels_a, H, W) to (B, channels_b, H, W), both in [-1, 1].

    Args:
        spec: of the direction.
        width: channels of the first map; each one after has twice as many.
        extra_layers: squeezes the 4x4 map into one pixel of 100 channels and back, as the code does for poses.

    Attributes:
        multiple: the sides of images are multiples of it.

    Raises:
        UserError: for a size that is not 8, 16, 32, ...
    """

    def __init__(self, spec: PairSpec, width: int = 64, extra_layers: bool = False) -> None:
        super().__init__()
        wide = widths(spec.size, width)
        self.multiple = spec.size if extra_layers else 2 ** len(wide)
        layers: list[nn.Module] = list(encoder(spec.channels_a, wide))
        if extra_layers:
            squeeze = nn.Conv2d(wide[-1], BOTTLENECK, 4, bias=False)
            spread = nn.ConvTranspose2d(BOTTLENECK, wide[-1], 4, bias=False)
            layers += [squeeze, nn.BatchNorm2d(BOTTLENECK), nn.LeakyReLU(0.2)]
            layers += [spread, nn.BatchNorm2d(wide[-1]), nn.ReLU()]
        for before, after in pairwise(reversed(wide)):
            layers += [double(before, after), nn.BatchNorm2d(after), nn.ReLU()]
        self.layers = nn.Sequential(*layers, double(width, spec.channels_b), nn.Tanh())

    def forward(self, image: Tensor) -> Tensor:
        return self.layers(image)


class Discriminator(nn.Module):
    """Images (B, C, size, size) in [-1, 1] to ``DiscriminatorOutput``.

    Batch norm in all layers but the first and the last: give it real and generated images in separate calls.

    Args:
        spec: of the images.
        width: channels of the first map; each one after has twice as many.
        matched: how many of its last layers give features. The code matches all that have batch norm, three at 64x64,
            and for poses the last two. All of them when None.

    Raises:
        UserError: for a size that is not 8, 16, 32, ..., or more matched layers than have batch norm.
    """

    def __init__(self, spec: ImageSpec, width: int = 64, matched: int | None = None) -> None:
        super().__init__()
        wide = widths(spec.size, width)
        most = len(wide) - 1
        if matched is not None and not 0 <= matched <= most:
            raise UserError(
                f"Features are those of the {most} layers with batch norm at {spec.size} pixels; met {matched}. "
                "Set model.init_args.discriminator.init_args.matched."
            )
        self.matched = most if matched is None else matched
        self.layers = nn.ModuleList(encoder(spec.channels, wide))
        self.head = nn.Conv2d(wide[-1], 1, 4, bias=False)

    def forward(self, image: Tensor) -> DiscriminatorOutput:
        seen = []
        for layer in self.layers:
            image = layer(image)
            seen.append(image)
        return DiscriminatorOutput(self.head(image).flatten(), tuple(seen[len(seen) - self.matched :]))


def stack(inputs: int, outputs: int, width: int, depth: int) -> nn.Sequential:
    """``depth`` linear layers with ReLU between them."""
    sides = [inputs] + [width] * (depth - 1) + [outputs]
    layers = [layer for ends in pairwise(sides) for layer in (nn.Linear(*ends), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


class PointGenerator(nn.Module):
    """Points (B, channels_a, 1, 1) to (B, channels_b, 1, 1), not bounded: the toy problem's three linear layers.

    Args:
        spec: of the direction.
        width: of the two hidden layers; the paper does not give it.
    """

    def __init__(self, spec: PairSpec, width: int = 32) -> None:
        super().__init__()
        self.layers = stack(spec.channels_a, spec.channels_b, width, depth=3)

    def forward(self, point: Tensor) -> Tensor:
        return self.layers(point.flatten(1))[:, :, None, None]


class PointDiscriminator(nn.Module):
    """Points (B, C, 1, 1) to ``DiscriminatorOutput``: the toy problem's five linear layers, the four hidden ones as
    features.

    Args:
        spec: of the points.
        width: of the hidden layers; the paper does not give it.
    """

    def __init__(self, spec: ImageSpec, width: int = 64) -> None:
        super().__init__()
        self.layers = stack(spec.channels, 1, width, depth=5)
        self.matched = 4

    def forward(self, point: Tensor) -> DiscriminatorOutput:
        seen, x = [], torch.flatten(point, 1)
        for layer in self.layers:
            x = layer(x)
            seen.append(x)
        return DiscriminatorOutput(x.squeeze(1), tuple(seen[1:-1:2]))
