"""Fully connected generator and discriminator, for points in the plane and very small images."""

from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn

from lightning_cgan.batches import ImageSpec
from lightning_cgan.networks.blocks.labels import joined


def leaky_stack(inputs: int, outputs: int, width: int, depth: int) -> nn.Sequential:
    """``depth`` hidden layers of ``width`` LeakyReLU units and a linear output.

    Weights have He initialisation, halved in the last layer; biases are 0.
    """
    layers: list[nn.Module] = []
    for before, after in pairwise([inputs] + [width] * depth):
        layers += [nn.Linear(before, after), nn.LeakyReLU(0.2)]
    last = nn.Linear(width, outputs)
    stack = nn.Sequential(*layers, last)
    for weight in stack.parameters():
        nn.init.kaiming_normal_(weight, a=0.2) if weight.ndim > 1 else nn.init.zeros_(weight)
    with torch.no_grad():
        last.weight.mul_(0.5)
    return stack


class Generator(nn.Module):
    """Generator: noise (B, latent_dim) and, with classes, labels (B,) to (B, C, size, size), unbounded.

    Args:
        spec: image shape and number of classes; points are images of one pixel.
        width: units of each hidden layer.
        depth: number of hidden layers.
        latent_dim: length of the noise vector.
    """

    def __init__(self, spec: ImageSpec, width: int = 64, depth: int = 3, latent_dim: int = 8) -> None:
        super().__init__()
        self.latent_dim, self.num_classes = latent_dim, spec.num_classes
        self.shape = (spec.channels, spec.size, spec.size)
        self.layers = leaky_stack(latent_dim + spec.num_classes, prod(self.shape), width, depth)

    def forward(self, noise: Tensor, label: Tensor | None = None) -> Tensor:
        return self.layers(joined(noise, label, self.num_classes)).unflatten(1, self.shape)


class Discriminator(nn.Module):
    """Discriminator: (B, C, size, size) and, with classes, labels (B,) to logits (B,).

    Args:
        spec: image shape and number of classes; points are images of one pixel.
        width: units of each hidden layer.
        depth: number of hidden layers.
    """

    def __init__(self, spec: ImageSpec, width: int = 64, depth: int = 3) -> None:
        super().__init__()
        self.num_classes = spec.num_classes
        self.layers = leaky_stack(spec.channels * spec.size**2 + spec.num_classes, 1, width, depth)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        return self.layers(joined(image.flatten(1), label, self.num_classes)).squeeze(1)
