"""Generators and classifiers of semi-supervised GANs, as in the code of Salimans et al. 2016; a pair for 8x8 images.

A classifier returns features, for feature matching, and K logits, from which ``losses.semi_supervised`` computes the
discriminator's logit. The generators of the paper map normal noise through its distribution function to uniform noise
in [0, 1), the paper's prior.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, relu, softplus

from lightning_cgan.batches import ImageSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks.blocks.weight_norm import Conv2d, ConvTranspose2d, Linear


class DiscriminatorOutput(NamedTuple):
    """Output of a classifier for images (B, C, H, W)."""

    features: Tensor  # (B, F)
    logits: Tensor  # (B, K)


class GaussianNoise(nn.Module):
    """Adds normal noise of standard deviation ``sigma`` in training mode."""

    def __init__(self, sigma: float) -> None:
        super().__init__()
        self.sigma = sigma

    def forward(self, x: Tensor) -> Tensor:
        return x + self.sigma * torch.randn_like(x) if self.training else x


def without_gain(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> nn.Module:
    """``norm`` with a trainable bias and a fixed gain of 1."""
    gain = norm.weight.detach()
    del norm.weight
    norm.register_buffer("weight", gain)
    return norm


def divisible(spec: ImageSpec, by: int, least: int, networks: str) -> int:
    """``spec.size // by``, after checking the size.

    Args:
        spec: image shape.
        by: divisor of the size.
        least: smallest size.
        networks: name of the networks, for the message.

    Raises:
        UserError: for a size that is not a multiple of ``by``, or below ``least``.
    """
    if spec.size % by or spec.size < least:
        raise UserError(
            f"{networks} need image sizes that are multiples of {by}, from {least} on; this data set has {spec.size}. "
            "Set init_args.size of the data set, or other networks in model.init_args."
        )
    return spec.size // by


class MLPGenerator(nn.Module):
    """Generator of the authors' code for MNIST: noise (B, latent_dim) to images (B, C, size, size) in [-1, 1].

    The last activation is 2 sigmoid(x) - 1.
    """

    def __init__(self, spec: ImageSpec, hidden: int = 500, latent_dim: int = 100) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.shape = (spec.channels, spec.size, spec.size)
        widths = [(latent_dim, hidden), (hidden, hidden)]
        self.layers = nn.ModuleList(nn.Linear(before, after, bias=False) for before, after in widths)
        self.norms = nn.ModuleList(without_gain(nn.BatchNorm1d(hidden, eps=1e-6)) for _ in widths)
        self.to_image = Linear(hidden, spec.channels * spec.size**2, trained_scale=True, spread=None)
        for weight in (self.to_image.weight, *self.layers.parameters()):
            nn.init.xavier_uniform_(weight)

    def forward(self, noise: Tensor) -> Tensor:
        x = torch.special.ndtr(noise)
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = softplus(norm(layer(x)))
        return 2 * self.to_image(x).sigmoid().unflatten(1, self.shape) - 1


class MLPClassifier(nn.Module):
    """Classifier of the authors' code for MNIST: images (B, C, size, size) in [-1, 1] to :class:`DiscriminatorOutput`.

    Pixels are rescaled to [0, 1], as in that code.
    """

    def __init__(self, spec: ImageSpec, hidden: tuple[int, ...] = (1000, 500, 250, 250, 250)) -> None:
        super().__init__()
        widths = [spec.channels * spec.size**2, *hidden]
        sigmas = [0.3, *[0.5] * (len(hidden) - 1)]
        self.trunk = nn.Sequential(nn.Flatten())
        for before, after, sigma in zip(widths, hidden, sigmas, strict=False):
            self.trunk.extend([GaussianNoise(sigma), Linear(before, after), nn.ReLU()])
        self.noise = GaussianNoise(0.5)
        self.head = Linear(hidden[-1], spec.num_classes, trained_scale=True)
        for layer in self.modules():
            if isinstance(layer, Linear):
                nn.init.normal_(layer.weight, std=0.1)

    def forward(self, image: Tensor) -> DiscriminatorOutput:
        features = self.trunk((image + 1) / 2)
        return DiscriminatorOutput(features, self.head(self.noise(features)))


class ConvGenerator(nn.Module):
    """Generator of the authors' code for CIFAR-10, SVHN: noise (B, latent_dim) to images (B, C, size, size) in [-1, 1].

    Raises:
        UserError: for a size that is not a multiple of 8, or below 16.
    """

    def __init__(self, spec: ImageSpec, width: int = 128, latent_dim: int = 100) -> None:
        super().__init__()
        side = divisible(spec, by=8, least=16, networks="The convolutional networks of the SGAN paper")
        self.latent_dim = latent_dim
        self.start = nn.Linear(latent_dim, 4 * width * side**2, bias=False)
        self.shape = (4 * width, side, side)
        self.norm = without_gain(nn.BatchNorm1d(4 * width * side**2, eps=1e-6))
        self.doublings = nn.ModuleList(
            nn.ConvTranspose2d(before, before // 2, 5, stride=2, padding=2, output_padding=1, bias=False)
            for before in (4 * width, 2 * width)
        )
        self.norms = nn.ModuleList(without_gain(nn.BatchNorm2d(k * width, eps=1e-6)) for k in (2, 1))
        self.to_image = ConvTranspose2d(width, spec.channels, spread=0.1)
        for layer in (self.start, *self.doublings):
            nn.init.normal_(layer.weight, std=0.05)

    def forward(self, noise: Tensor) -> Tensor:
        x = relu(self.norm(self.start(torch.special.ndtr(noise)))).unflatten(1, self.shape)
        for layer, norm in zip(self.doublings, self.norms, strict=True):
            x = relu(norm(layer(x)))
        return self.to_image(x).tanh()


class ConvClassifier(nn.Module):
    """Classifier of the authors' code for CIFAR-10, nine layers: images (B, C, size, size) in [-1, 1] to
    :class:`DiscriminatorOutput`. The code has width 64 for SVHN.

    Raises:
        UserError: for a size that is not a multiple of 8, or below 16.
    """

    def __init__(self, spec: ImageSpec, width: int = 96) -> None:
        super().__init__()
        divisible(spec, by=8, least=16, networks="The convolutional networks of the SGAN paper")
        wide, lrelu = 2 * width, nn.LeakyReLU(0.2)
        self.trunk = nn.Sequential(
            *(nn.Dropout(0.2), Conv2d(spec.channels, width), lrelu, Conv2d(width, width), lrelu),
            *(Conv2d(width, width, stride=2), lrelu),
            *(nn.Dropout(0.5), Conv2d(width, wide), lrelu, Conv2d(wide, wide), lrelu),
            *(Conv2d(wide, wide, stride=2), lrelu),
            *(nn.Dropout(0.5), Conv2d(wide, wide, padding=0), lrelu),
            *(Conv2d(wide, wide, 1, padding=0), lrelu, Conv2d(wide, wide, 1, padding=0), lrelu),
        )
        self.head = Linear(wide, spec.num_classes, trained_scale=True, spread=0.1)

    def forward(self, image: Tensor) -> DiscriminatorOutput:
        features = self.trunk(image).mean((2, 3))
        return DiscriminatorOutput(features, self.head(features))


class SmallGenerator(nn.Module):
    """Generator for 8x8 digits, not from the paper: noise (B, latent_dim) to images (B, C, size, size) in [-1, 1]."""

    def __init__(self, spec: ImageSpec, width: int = 32, latent_dim: int = 50) -> None:
        super().__init__()
        side = divisible(spec, by=4, least=8, networks="The small SGAN networks")
        self.latent_dim = latent_dim
        self.shape = (2 * width, side * 2, side * 2)
        self.start = nn.Linear(latent_dim, 2 * width * (2 * side) ** 2)
        self.norm1 = nn.BatchNorm2d(2 * width)
        self.doubling = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(2 * width, width, 3, padding=1))
        self.norm2 = nn.BatchNorm2d(width)
        self.to_image = nn.Conv2d(width, spec.channels, 3, padding=1)

    def forward(self, noise: Tensor) -> Tensor:
        x = relu(self.norm1(self.start(noise).unflatten(1, self.shape)))
        return self.to_image(relu(self.norm2(self.doubling(x)))).tanh()


class SmallClassifier(nn.Module):
    """Classifier for 8x8 digits, six layers, not from the paper: (B, C, size, size) to :class:`DiscriminatorOutput`.

    Args:
        spec: image shape and number of classes.
        width: channels of the first layer.
        sigma: standard deviation of the noise on the image, whose values are in [-1, 1].
        dropout: dropout probabilities after the first two convolutions and before the features.
    """

    def __init__(
        self, spec: ImageSpec, width: int = 32, sigma: float = 0.3, dropout: tuple[float, float] = (0.25, 0.5)
    ) -> None:
        super().__init__()
        side = divisible(spec, by=4, least=8, networks="The small SGAN networks")
        lrelu = nn.LeakyReLU(0.2)
        self.trunk = nn.Sequential(
            *(GaussianNoise(sigma), Conv2d(spec.channels, width), lrelu, Conv2d(width, width, stride=2), lrelu),
            *(nn.Dropout(dropout[0]), Conv2d(width, 2 * width), lrelu, Conv2d(2 * width, 2 * width, stride=2), lrelu),
            *(nn.Dropout(dropout[1]), nn.Flatten(), Linear(2 * width * side**2, 2 * width)),
        )
        self.head = Linear(2 * width, spec.num_classes, trained_scale=True)

    def forward(self, image: Tensor) -> DiscriminatorOutput:
        features = leaky_relu(self.trunk(image), 0.2)
        return DiscriminatorOutput(features, self.head(features))
