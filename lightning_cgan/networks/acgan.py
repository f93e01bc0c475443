"""Generator and discriminator of AC-GAN. Odena et al. 2017, appendix.

The map sizes printed in the paper do not fit its strides. Here each transposed convolution exactly doubles the map, so
the first map has a side of size / 16 pixels, or size / 8 in the networks for CIFAR-10.
"""

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from lightning_cgan.batches import ImageSpec
from lightning_cgan.errors import UserError
from lightning_cgan.interfaces import with_classes
from lightning_cgan.networks.blocks.labels import joined


class Widths(NamedTuple):
    """Channels of the generator: of its first map, and after each doubling except the last."""

    width: int  # channels per unit of ``generator``
    generator: tuple[int, ...]


IMAGENET = Widths(64, (12, 6, 4, 3))  # 768, 384, 256, 192
CIFAR = Widths(96, (4, 2, 1))  # 384, 192, 96
DISCRIMINATOR = (16, (1, 2, 4, 8, 16, 32))  # 16 to 512 channels; every second convolution halves the map


def widths_for(spec: ImageSpec) -> Widths:
    """Generator widths for ``spec``: the paper's for CIFAR-10 up to 32 pixels, the paper's for ImageNet above.

    Raises:
        UserError: for a size that is not a power of two from 8 on, or data without classes.
    """
    with_classes(spec, "An AC-GAN")
    if spec.size < 8 or spec.size & (spec.size - 1):
        raise UserError(
            "The AC-GAN networks double and halve their maps, so the image size must be a power of two from 8 on; "
            f"this data set has {spec.size}. Set data.init_args.size, or other networks in model.init_args."
        )
    return CIFAR if spec.size <= 32 else IMAGENET


def initialise(layer: nn.Module) -> None:
    """Initialise as in the paper: weights from N(0, 0.02), biases 0."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(layer.weight, std=0.02)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


class Generator(nn.Module):
    """AC-GAN generator: noise (B, latent_dim) and labels (B,) to images (B, C, size, size) in [-1, 1].

    The one-hot label is concatenated to the noise.

    Args:
        spec: image shape and number of classes.
        width: channels per unit of :class:`Widths`; None for the paper's value at this size.
        latent_dim: length of the noise vector.

    Raises:
        UserError: for a size that is not a power of two from 8 on, or data without classes.
    """

    def __init__(self, spec: ImageSpec, width: int | None = None, latent_dim: int = 100) -> None:
        super().__init__()
        table = widths_for(spec)
        channels = [unit * (width or table.width) for unit in table.generator]
        self.latent_dim, self.num_classes = latent_dim, spec.num_classes
        self.start_size = spec.size // 2 ** len(channels)
        self.start = nn.Linear(latent_dim + spec.num_classes, channels[0] * self.start_size**2)
        self.blocks = nn.Sequential(*(up_block(before, after) for before, after in pairwise(channels)))
        self.to_image = doubling(channels[-1], spec.channels)
        self.apply(initialise)

    def forward(self, noise: Tensor, label: Tensor) -> Tensor:
        x = relu(self.start(joined(noise, label, self.num_classes)))
        x = x.unflatten(1, (-1, self.start_size, self.start_size))
        return self.to_image(self.blocks(x)).tanh()


def doubling(in_channels: int, out_channels: int) -> nn.ConvTranspose2d:
    """A 5x5 transposed convolution, (B, in, H, W) to (B, out, 2H, 2W)."""
    return nn.ConvTranspose2d(in_channels, out_channels, 5, stride=2, padding=2, output_padding=1)


def up_block(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(doubling(in_channels, out_channels), nn.BatchNorm2d(out_channels), nn.ReLU())


class GaussianNoise(nn.Module):
    """Adds noise from N(0, std) to every activation in training mode."""

    def __init__(self, std: float) -> None:
        super().__init__()
        self.std = std

    def forward(self, x: Tensor) -> Tensor:
        return x + self.std * torch.randn_like(x) if self.training and self.std else x


class Discriminator(nn.Module):
    """AC-GAN discriminator: images (B, C, size, size) in [-1, 1] to source logits (B,) and class logits (B, K).

    Batch norm uses the statistics of the whole call, so real and generated images need separate calls.

    Args:
        spec: image shape and number of classes.
        width: channels after the first convolution; None for the paper's 16.
        noise: standard deviation of the noise on each convolution's input. The paper adds Gaussian noise; its
            standard deviation could not be checked.
        dropout: dropout probability after each convolution.

    Raises:
        UserError: for a size that is not a power of two from 8 on, data without classes, or noise below 0.
    """

    def __init__(self, spec: ImageSpec, width: int | None = None, noise: float = 0.1, dropout: float = 0.5) -> None:
        super().__init__()
        widths_for(spec)
        if noise < 0:
            raise UserError(
                f"noise is a standard deviation, not below 0; got {noise}. "
                "Set model.init_args.discriminator.init_args.noise."
            )
        paper, units = DISCRIMINATOR
        channels = [spec.channels] + [unit * (width or paper) for unit in units]
        layers: list[nn.Module] = []
        for index, (before, after) in enumerate(pairwise(channels)):
            layers += [GaussianNoise(noise), nn.Conv2d(before, after, 3, stride=2 - index % 2, padding=1)]
            layers += [nn.BatchNorm2d(after)] * (index > 0) + [nn.Dropout(dropout), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Flatten())
        self.head = nn.Linear(channels[-1] * (spec.size // 8) ** 2, 1 + spec.num_classes)
        self.apply(initialise)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.head(self.layers(image))
        return logits[:, 0], logits[:, 1:]
