"""Fully connected networks of the original GAN and conditional GAN, with maxout discriminators.

Goodfellow et al. 2014; Mirza & Osindero 2014; maxout units: Goodfellow et al. 2013. Layers are those of the authors'
MNIST settings. Their images are in [0, 1], from a sigmoid; here images are in [-1, 1], so the last activation is
2 sigmoid(x) - 1. Their noise is uniform; here it is computed from the normal noise that every generator takes.
"""

from math import prod

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, one_hot, relu

from lightning_cgan.batches import ImageSpec


def uniform(noise: Tensor) -> Tensor:
    """Standard normal noise to uniform noise of the same variance, on [-sqrt 3, sqrt 3]."""
    return torch.erf(noise / 2**0.5) * 3**0.5


def shape_of(spec: ImageSpec) -> tuple[int, int, int]:
    return spec.channels, spec.size, spec.size


def linear(inputs: int, outputs: int, scale: float) -> nn.Linear:
    """A linear layer with weights uniform on [-scale, scale] and biases 0."""
    layer = nn.Linear(inputs, outputs)
    nn.init.uniform_(layer.weight, -scale, scale)
    nn.init.zeros_(layer.bias)
    return layer


class Maxout(nn.Module):
    """Maxout layer, (B, inputs) to (B, units): each unit is the maximum of ``pieces`` linear functions."""

    def __init__(self, inputs: int, units: int, pieces: int, scale: float = 0.005) -> None:
        super().__init__()
        self.units, self.pieces = units, pieces
        self.linear = linear(inputs, units * pieces, scale)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x).unflatten(1, (self.units, self.pieces)).amax(2)


class Generator(nn.Module):
    """Generator: standard normal noise (B, latent_dim) to images (B, C, size, size) in [-1, 1].

    Two hidden layers of 1,200 ReLU units.

    Args:
        spec: image shape.
        latent_dim: length of the noise vector.
        width: units of each hidden layer.
    """

    def __init__(self, spec: ImageSpec, latent_dim: int = 100, width: int = 1200) -> None:
        super().__init__()
        self.latent_dim, self.shape = latent_dim, shape_of(spec)
        self.hidden1 = linear(latent_dim, width, 0.05)
        self.hidden2 = linear(width, width, 0.05)
        self.to_image = linear(width, prod(self.shape), 0.05)

    def forward(self, noise: Tensor) -> Tensor:
        x = relu(self.hidden2(relu(self.hidden1(uniform(noise)))))
        return (self.to_image(x) / 2).tanh().unflatten(1, self.shape)


class Discriminator(nn.Module):
    """Discriminator: images (B, C, size, size) in [-1, 1] to logits (B,), two layers of 240 maxout units of 5 pieces.

    Dropout keeps 0.8 of the pixels and half of the hidden units, also in the generator update.
    """

    def __init__(self, spec: ImageSpec, units: int = 240) -> None:
        super().__init__()
        self.hidden1 = Maxout(prod(shape_of(spec)), units, pieces=5)
        self.hidden2 = Maxout(units, units, pieces=5)
        self.score = linear(units, 1, 0.005)

    def forward(self, image: Tensor) -> Tensor:
        x = self.hidden1(dropout(image.flatten(1), 0.2, self.training))
        x = self.hidden2(dropout(x, 0.5, self.training))
        return self.score(dropout(x, 0.5, self.training)).squeeze(1)


class ConditionalGenerator(nn.Module):
    """Conditional generator: noise (B, latent_dim) and labels (B,) to images (B, C, size, size) in [-1, 1].

    ReLU layers of Mirza & Osindero for MNIST: 200 units for the noise, 1,000 for the label, 1,200 for both.

    Args:
        spec: image shape and number of classes.
        latent_dim: length of the noise vector.
        noise_width: units of the layer on the noise.
        label_width: units of the layer on the label.
        width: units of the layer on both.
        dropout: dropout probability in training; evaluation uses all units.
    """

    def __init__(
        self,
        spec: ImageSpec,
        latent_dim: int = 100,
        noise_width: int = 200,
        label_width: int = 1000,
        width: int = 1200,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.dropout = dropout
        self.latent_dim, self.num_classes, self.shape = latent_dim, spec.num_classes, shape_of(spec)
        self.from_noise = linear(latent_dim, noise_width, 0.05)
        self.from_label = linear(spec.num_classes, label_width, 0.5)  # larger: a one-hot label has one nonzero input
        self.joined = linear(noise_width + label_width, width, 0.05)
        self.to_image = linear(width, prod(self.shape), 0.05)

    def forward(self, noise: Tensor, label: Tensor) -> Tensor:
        one_hot_label = one_hot(label, self.num_classes).to(noise.dtype)
        parts = [relu(self.from_noise(uniform(noise))), relu(self.from_label(one_hot_label))]
        x = dropout(torch.cat(parts, 1), self.dropout, self.training)
        x = dropout(relu(self.joined(x)), self.dropout, self.training)
        return (self.to_image(x) / 2).tanh().unflatten(1, self.shape)


class ConditionalDiscriminator(nn.Module):
    """Conditional discriminator: images (B, C, size, size) in [-1, 1] and labels (B,) to logits (B,).

    The layers are those of Mirza & Osindero for MNIST: 240 maxout units for the image, 50 for the label, 240 for both.
    Dropout keeps half of the units everywhere.
    """

    def __init__(self, spec: ImageSpec, units: int = 240, label_units: int = 50) -> None:
        super().__init__()
        self.num_classes = spec.num_classes
        self.from_image = Maxout(prod(shape_of(spec)), units, pieces=5)
        self.from_label = Maxout(spec.num_classes, label_units, pieces=5, scale=0.05)  # one-hot input
        self.joined = Maxout(units + label_units, units, pieces=4)
        self.score = linear(units, 1, 0.005)

    def forward(self, image: Tensor, label: Tensor) -> Tensor:
        one_hot_label = one_hot(label, self.num_classes).to(image.dtype)
        parts = [self.from_image(image.flatten(1)), self.from_label(one_hot_label)]
        x = self.joined(dropout(torch.cat(parts, 1), 0.5, self.training))
        return self.score(dropout(x, 0.5, self.training)).squeeze(1)
