"""Fully connected networks of the first GANs. Goodfellow et al. 2014; Mirza & Osindero 2014; maxout: Goodfellow 2013.

Layers are those of the authors' MNIST settings. Their images lie in [0, 1] behind a sigmoid; ours in [-1, 1], so the
last layer is 2 sigmoid(x) - 1. Their noise is uniform: it is made here of the normal noise that every generator takes.
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
    """Weights uniform on [-scale, scale], zero biases."""
    layer = nn.Linear(inputs, outputs)
    nn.init.uniform_(layer.weight, -scale, scale)
    nn.init.zeros_(layer.bias)
    return layer


class Maxout(nn.Module):
    """(B, inputs) to (B, units), each the largest of ``pieces`` linear functions."""

    def __init__(self, inputs: int, units: int, pieces: int, scale: float = 0.005) -> None:
        super().__init__()
        self.units, self.pieces = units, pieces
        self.linear = linear(inputs, units * pieces, scale)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x).unflatten(1, (self.units, self.pieces)).amax(2)


class Generator(nn.Module):
    """Standard normal noise (B, latent_dim) to images (B, C, size, size) in [-1, 1]: two hidden layers of 1,200 ReLU.

    Args:
        spec: of the images.
        latent_dim: length of the noise vector.
        width: of the hidden layers.
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
    """Images (B, C, size, size) to logits (B,): two layers of 240 maxout units of 5 pieces.

    Dropout keeps 0.8 of the pixels and half of the hidden units, in the generator's update too.
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
    """Noise (B, latent_dim) and labels (B,) to images: hidden layers of 200 and 1,000 ReLU, joined by one of 1,200.

    The layers are Mirza & Osindero's for MNIST.

    Args:
        spec: of the images and labels.
        latent_dim: length of the noise vector.
        noise_width: of the noise's own layer.
        label_width: of the label's own layer.
        width: of the layer that joins them.
        dropout: share of the units left out while training; images are drawn with all of them.
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
        self.from_label = linear(spec.num_classes, label_width, 0.5)  # of a label only one input is not 0
        self.joined = linear(noise_width + label_width, width, 0.05)
        self.to_image = linear(width, prod(self.shape), 0.05)

    def forward(self, noise: Tensor, label: Tensor) -> Tensor:
        told = one_hot(label, self.num_classes).to(noise.dtype)
        parts = [relu(self.from_noise(uniform(noise))), relu(self.from_label(told))]
        x = dropout(torch.cat(parts, 1), self.dropout, self.training)
        x = dropout(relu(self.joined(x)), self.dropout, self.training)
        return (self.to_image(x) / 2).tanh().unflatten(1, self.shape)


class ConditionalDiscriminator(nn.Module):
    """Images and labels (B,) to logits (B,): maxout of 240 units for the image, 50 for the label, 240 for both.

    The layers are Mirza & Osindero's for MNIST; dropout keeps half of the units everywhere.
    """

    def __init__(self, spec: ImageSpec, units: int = 240, label_units: int = 50) -> None:
        super().__init__()
        self.num_classes = spec.num_classes
        self.from_image = Maxout(prod(shape_of(spec)), units, pieces=5)
        self.from_label = Maxout(spec.num_classes, label_units, pieces=5, scale=0.05)  # only one input is not 0
        self.joined = Maxout(units + label_units, units, pieces=4)
        self.score = linear(units, 1, 0.005)

    def forward(self, image: Tensor, label: Tensor) -> Tensor:
        told = one_hot(label, self.num_classes).to(image.dtype)
        parts = [self.from_image(image.flatten(1)), self.from_label(told)]
        x = self.joined(dropout(torch.cat(parts, 1), 0.5, self.training))
        return self.score(dropout(x, 0.5, self.training)).squeeze(1)
