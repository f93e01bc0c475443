"""A small image classifier and its training; the features and logits of the digits extractor are computed by it."""

from typing import NamedTuple

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from torch.nn.functional import affine_grid, cross_entropy, grid_sample, interpolate
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LRScheduler

from lightning_cgan import keyed
from lightning_cgan.batches import EvalBatch, EvalOutput, ImageSpec, Labelled
from lightning_cgan.clock import updates_of_run
from lightning_cgan.config.stored_model import Loadable
from lightning_cgan.interfaces import PaperFacts
from lightning_cgan.optimize import optimizer_step, should_log
from lightning_cgan.schedules.schedulers import OneCycle

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


class ClassifierTraining(PaperFacts, Loadable, LightningModule):
    """Trains a ``SmallClassifier`` by cross-entropy on jittered images.

    Args:
        spec: of the data, linked from the data module.
        width: channels of the first layer.
        optimizer: maps parameters to an optimizer; its learning rate is the peak of a one-cycle schedule.
    """

    def __init__(
        self,
        spec: ImageSpec,
        width: int = 16,
        optimizer: OptimizerCallable = lambda p: AdamW(p, lr=5e-3, weight_decay=1e-2),
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.network = SmallClassifier(spec.channels, spec.num_classes, width)
        self.optimizer = optimizer

    def evaluated_networks(self) -> dict[str, nn.Module]:
        return {"network": self.network}

    def training_step(self, batch: Labelled, batch_idx: int) -> None:
        keyed.reseed("train", self.global_step, self.global_rank)
        image, label = batch.image.flatten(0, 1), batch.label.flatten(0, 1)
        loss = cross_entropy(self.network(jitter(image)).logits, label)
        optimizer_step(self, self.optimizers(), loss, count=True)
        self.lr_schedulers().step()
        if should_log(self):
            self.log("train/loss", loss)

    def validation_step(self, batch: EvalBatch, batch_idx: int) -> EvalOutput:
        prediction = self.network(batch.image).logits.argmax(1)
        return EvalOutput(real=batch.image, fake=batch.image[:0], target=batch.label, prediction=prediction)

    test_step = validation_step

    def configure_optimizers(self) -> tuple[list[Optimizer], list[LRScheduler]]:
        optimizer = self.optimizer(self.parameters())
        return [optimizer], [OneCycle(optimizer, updates_of_run(self.trainer))]
