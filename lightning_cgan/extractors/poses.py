"""A small regressor of object azimuths and its training."""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, mse_loss

from lightning_cgan.batches import ImageSpec
from lightning_cgan.extractors.digits import convolution
from lightning_cgan.extractors.shipped import shipped
from lightning_cgan.extractors.training import LabelTraining

SIZE = 32
ZERO = 90  # the class of azimuth 0: classes are azimuths in whole degrees plus 90
UNIT = 45.0  # degrees in the network's unit


class PoseNetwork(nn.Module):
    """Images (B, C, H, W) in [-1, 1] to azimuths (B,) in degrees; they are first converted to grey 32x32 images."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *convolution(1, width),
            *convolution(width, width),
            nn.AvgPool2d(2),
            *convolution(width, 2 * width),
            *convolution(2 * width, 2 * width),
            nn.AvgPool2d(2),
            *convolution(2 * width, 4 * width),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(4 * width * 4 * 4, 128),
            nn.ReLU(),
            nn.Linear(128, 1),
        )

    def forward(self, image: Tensor) -> Tensor:
        grey = image.mean(1, keepdim=True)
        if grey.shape[-2:] != (SIZE, SIZE):
            grey = interpolate(grey, size=(SIZE, SIZE), mode="bilinear", antialias=True)
        return UNIT * self.layers(grey).squeeze(1)


class PoseRegressor(nn.Module):
    """The shipped pose regressor for the cars and chairs of ``Poses`` at any size.

    It was trained on other objects than those of evaluations; ``experiments/pose_regressor/poses.yaml``.

    Attributes:
        name: on the evaluation card.
        sha256: of the weights file.
    """

    name = "pose-regressor"

    def __init__(self) -> None:
        super().__init__()
        self.network, self.sha256 = shipped("poses.safetensors", PoseNetwork)
        self.eval()

    @torch.no_grad()
    def forward(self, image: Tensor) -> Tensor:
        """Azimuths (B,) in degrees, in full precision, of images (B, C, H, W) in [-1, 1]."""
        with torch.autocast(image.device.type, enabled=False):
            azimuth: Tensor = self.network(image.float())
        return azimuth


class PoseTraining(LabelTraining):
    """Trains a ``PoseNetwork`` by the squared error of the azimuth. Predictions and targets are azimuths in degrees."""

    @classmethod
    def make(cls, spec: ImageSpec, width: int) -> nn.Module:
        return PoseNetwork(width)

    def loss(self, image: Tensor, label: Tensor) -> Tensor:
        return mse_loss(self.network(image) / UNIT, (label.float() - ZERO) / UNIT)

    def predicted(self, image: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        return self.network(image).float(), label.float() - ZERO
