"""DiscoGAN generators and discriminators, for images and for points of the toy problem. Kim et al., ICML 2017.

Layers and widths are those of the authors' code for 64x64 images. That code has images in [0, 1] and a sigmoid at the
end of its generator. Here images are in [-1, 1], as everywhere in this package, and the generator ends in tanh, a
sigmoid rescaled to that range. No convolution has a bias. Initial weights are PyTorch's defaults.
"""

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lightning_cgan.batches import ImageSpec, PairSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks.blocks.powers import exponent_of_two

BOTTLENECK = 100  # channels of the 1x1 map between the extra layers


class DiscriminatorOutput(NamedTuple):
    """Output of a discriminator for images (B, C, H, W)."""

    logits: Tensor  # (B,)
    features: tuple[Tensor, ...]  # (B, ...) each, of the layers used for feature matching


def widths(size: int, width: int) -> list[int]:
    """Channels after each halving of a square image of side ``size``, down to 4x4; the first is ``width``.

    Raises:
        UserError: for a size that is not 8, 16, 32, ...
    """
    rule = "DiscoGAN's networks halve images down to 4x4, so the image size must be 8, 16, 32, ..."
    remedy = "Set data.init_args.size, or other networks in model.init_args."
    return [width << index for index in range(exponent_of_two(size, 8, rule, remedy) - 2)]


def halve(before: int, after: int) -> nn.Module:
    return nn.Conv2d(before, after, 4, stride=2, padding=1, bias=False)


def double(before: int, after: int) -> nn.Module:
    return nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False)


def encoder(channels: int, wide: list[int]) -> list[nn.Sequential]:
    """Layers that each halve (B, channels, H, W), with ``wide`` channels; the first has no batch norm."""
    first = nn.Sequential(halve(channels, wide[0]), nn.LeakyReLU(0.2))
    return [
        first,
        *(nn.Sequential(halve(*ends), nn.BatchNorm2d(ends[1]), nn.LeakyReLU(0.2)) for ends in pairwise(wide)),
    ]


class Generator(nn.Module):
    """DiscoGAN generator: images (B, channels_a, H, W) to (B, channels_b, H, W), both in [-1, 1].

    Args:
        spec: shape of both domains; the generator translates a to b.
        width: channels of the first map; each later map has twice as many.
        extra_layers: add two layers that reduce the 4x4 map to 1x1 with 100 channels and restore it, as in the authors'
            code for poses.

    Attributes:
        multiple: image height and width must be multiples of it.

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
    """DiscoGAN discriminator: images (B, C, size, size) in [-1, 1] to :class:`DiscriminatorOutput`.

    Batch norm follows every convolution except the first and the last, so real and generated images need separate
    calls.

    Args:
        spec: image shape.
        width: channels of the first map; each later map has twice as many.
        matched: number of layers, counted from the last, whose features are returned; None for all layers with batch
            norm. The authors' code matches all of them, three at 64x64, and for poses the last two.

    Raises:
        UserError: for a size that is not 8, 16, 32, ..., or more matched layers than have batch norm.
    """

    def __init__(self, spec: ImageSpec, width: int = 64, matched: int | None = None) -> None:
        super().__init__()
        wide = widths(spec.size, width)
        most = len(wide) - 1
        if matched is not None and not 0 <= matched <= most:
            raise UserError(
                f"matched is 0 to {most}, the number of batch-norm layers at {spec.size} pixels; got {matched}. "
                "Set model.init_args.discriminator.init_args.matched."
            )
        self.matched = most if matched is None else matched
        self.layers = nn.ModuleList(encoder(spec.channels, wide))
        self.head = nn.Conv2d(wide[-1], 1, 4, bias=False)

    def forward(self, image: Tensor) -> DiscriminatorOutput:
        features = []
        for layer in self.layers:
            image = layer(image)
            features.append(image)
        return DiscriminatorOutput(self.head(image).flatten(), tuple(features[len(features) - self.matched :]))


def stack(inputs: int, outputs: int, width: int, depth: int) -> nn.Sequential:
    """``depth`` linear layers with ReLU between them."""
    sides = [inputs] + [width] * (depth - 1) + [outputs]
    layers = [layer for ends in pairwise(sides) for layer in (nn.Linear(*ends), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


class PointGenerator(nn.Module):
    """Generator of the toy problem: points (B, channels_a, 1, 1) to (B, channels_b, 1, 1), unbounded, 3 linear layers.

    Args:
        spec: shape of both domains; the generator translates a to b.
        width: units of the two hidden layers; the paper does not give the number.
    """

    def __init__(self, spec: PairSpec, width: int = 32) -> None:
        super().__init__()
        self.layers = stack(spec.channels_a, spec.channels_b, width, depth=3)

    def forward(self, point: Tensor) -> Tensor:
        return self.layers(point.flatten(1))[:, :, None, None]


class PointDiscriminator(nn.Module):
    """Discriminator of the toy problem: points (B, C, 1, 1) to :class:`DiscriminatorOutput`, five linear layers.

    The features are the outputs of the four hidden layers.

    Args:
        spec: shape of the points.
        width: units of the hidden layers; the paper does not give the number.
    """

    def __init__(self, spec: ImageSpec, width: int = 64) -> None:
        super().__init__()
        self.layers = stack(spec.channels, 1, width, depth=5)
        self.matched = 4

    def forward(self, point: Tensor) -> DiscriminatorOutput:
        outputs, x = [], torch.flatten(point, 1)
        for layer in self.layers:
            x = layer(x)
            outputs.append(x)
        return DiscriminatorOutput(x.squeeze(1), tuple(outputs[1:-1:2]))
