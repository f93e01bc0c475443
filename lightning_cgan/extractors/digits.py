"""A small image classifier and its training; the features and logits of the digits extractor are computed by it."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, cross_entropy, grid_sample, interpolate

from lightning_cgan.batches import ImageSpec
from lightning_cgan.extractors.training import LabelTraining

SIZE = 16


class ClassifierOutput(NamedTuple):
    """Features and logits of a batch of images."""

    features: Tensor  # (B, F) float32
    logits: Tensor  # (B, classes) float32


class SmallClassifier(nn.Module):
    """Images (B, C, H, W) in [-1, 1] of any size to 128 features and ``classes`` logits.

    Images are first resized to 16x16, so one set of weights serves all sizes of a data set. The features are not pooled
    over positions, so they can detect a lack of variety inside a class.
    """

    def __init__(self, channels: int = 1, classes: int = 10, width: int = 16, features: int = 128) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            *convolution(channels, width),
            *convolution(width, width),
            nn.AvgPool2d(2),
            *convolution(width, 2 * width),
            *convolution(2 * width, 2 * width),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(2 * width * 4 * 4, features),
            nn.ReLU(),
        )
        self.head = nn.Linear(features, classes)

    def forward(self, image: Tensor) -> ClassifierOutput:
        if image.shape[-1] != SIZE:
            image = interpolate(image, size=(SIZE, SIZE), mode="bilinear", antialias=True)
        features = self.trunk(image)
        return ClassifierOutput(features, self.head(features))


def convolution(before: int, after: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()


def jitter(image: Tensor, degrees: float = 10.0, shift: float = 0.1, zoom: float = 0.1) -> Tensor:
    """Images (B, C, H, W) randomly rotated, shifted and zoomed.

    Args:
        image: (B, C, H, W).
        degrees: the largest rotation.
        shift: the largest shift, as a fraction of half the width.
        zoom: the largest change of size, as a fraction of it.
    """
    turn, x, y, scale = (2 * torch.rand(4, len(image), device=image.device) - 1).unbind()
    angle, scale = torch.deg2rad(degrees * turn), 1 + zoom * scale
    cos, sin = scale * angle.cos(), scale * angle.sin()
    rows = [torch.stack([cos, -sin, shift * x], 1), torch.stack([sin, cos, shift * y], 1)]
    grid = affine_grid(torch.stack(rows, 1), list(image.shape), align_corners=False)
    return grid_sample(image, grid, padding_mode="border", align_corners=False)


class ClassifierTraining(LabelTraining):
    """Trains a ``SmallClassifier`` by cross-entropy on jittered images."""

    @classmethod
    def make(cls, spec: ImageSpec, width: int) -> nn.Module:
        return SmallClassifier(spec.channels, spec.num_classes, width)

    def loss(self, image: Tensor, label: Tensor) -> Tensor:
        return cross_entropy(self.network(jitter(image)).logits, label)

    def predicted(self, image: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        return self.network(image).logits.argmax(1), label
