"""The networks of AC-GANs. Odena et al. 2017, appendix.

The sizes of the maps that the paper prints do not fit its strides. Here each transposed convolution exactly doubles,
so the first map has size / 16 pixels a side, or size / 8 in the small networks.
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
    """Channels of the generator's first map, and after each doubling but the last."""

    width: int  # the unit of the others
    generator: tuple[int, ...]


IMAGENET = Widths(64, (12, 6, 4, 3))  # 768, 384, 256, 192
CIFAR = Widths(96, (4, 2, 1))  # 384, 192, 96
DISCRIMINATOR = (16, (1, 2, 4, 8, 16, 32))  # 16 to 512 channels; every other convolution halves


def widths_for(spec: ImageSpec) -> Widths:
    """The paper's networks for CIFAR-10 up to 32 pixels a side, those for ImageNet above.

    Raises:
        UserError: for a size that is not a power of two from 8 on, or data without classes.
    """
    with_classes(spec, "An AC-GAN")
    if spec.size < 8 or spec.size & (spec.size - 1):
        raise UserError(
            "The AC-GAN networks double and halve their maps, so the image size is a power of two from 8 on; "
            f"this data set has {spec.size}. Set data.init_args.size, or other networks in model.init_args."
        )
    return CIFAR if spec.size <= 32 else IMAGENET


def initialise(layer: nn.Module) -> None:
    """Weights from N(0, 0.02) and zero biases, as the paper draws them."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(layer.weight, std=0.02)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


class Generator(nn.Module):
    """Noise (B, latent_dim) and labels (B,) to images (B, C, size, size) in [-1, 1].

    The label is one-hot, concatenated to the noise.

    Args:
        spec: of the images and labels.
        width: the unit of the channels; None is the paper's for this size.
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
    """(B, in, H, W) to (B, out, 2H, 2W)."""
    return nn.ConvTranspose2d(in_channels, out_channels, 5, stride=2, padding=2, output_padding=1)


def up_block(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(doubling(in_channels, out_channels), nn.BatchNorm2d(out_channels), nn.ReLU())


class GaussianNoise(nn.Module):
    """Adds noise from N(0, std) to each activation while training."""

    def __init__(self, std: float) -> None:
        super().__init__()
        self.std = std

    def forward(self, x: Tensor) -> Tensor:
        return x + self.std * torch.randn_like(x) if self.training and self.std else x


class Discriminator(nn.Module):
    """Images (B, C, size, size) in [-1, 1] to source logits (B,) and class logits (B, K).

    Batch norm's statistics are those of the whole call, so real and generated images take a call each.

    Args:
        spec: of the images and labels.
        width: channels after the first convolution; None is the paper's 16.
        noise: standard deviation of the noise on each convolution's input. The paper adds Gaussian noise; how much
            could not be checked.
        dropout: share of the activations that each layer drops.

    Raises:
        UserError: for a size that is not a power of two from 8 on, data without classes, or noise below 0.
    """

    def __init__(self, spec: ImageSpec, width: int | None = None, noise: float = 0.1, dropout: float = 0.5) -> None:
        super().__init__()
        widths_for(spec)
        if noise < 0:
            raise UserError(
                f"noise is a standard deviation, not below 0; met {noise}. "
                "Set model.init_args.discriminator.init_args.noise."
            )
        paper, units = DISCRIMINATOR
        channels = [spec.channels] + [unit * (width or paper) for unit in units]
        layers: list[nn.Module] = []
        for place, (before, after) in enumerate(pairwise(channels)):
            layers += [GaussianNoise(noise), nn.Conv2d(before, after, 3, stride=2 - place % 2, padding=1)]
            layers += [nn.BatchNorm2d(after)] * (place > 0) + [nn.Dropout(dropout), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Flatten())
        self.head = nn.Linear(channels[-1] * (spec.size // 8) ** 2, 1 + spec.num_classes)
        self.apply(initialise)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.head(self.layers(image))
        return logits[:, 0], logits[:, 1:]
