"""A small regressor of object azimuths and its training."""

from importlib.resources import as_file, files

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.cli import OptimizerCallable
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import interpolate, mse_loss
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LRScheduler

from lightning_cgan import keyed
from lightning_cgan.batches import EvalBatch, EvalOutput, ImageSpec, Labelled
from lightning_cgan.clock import updates_of_run
from lightning_cgan.config.stored_model import Loadable
from lightning_cgan.extractors.digits import convolution
from lightning_cgan.extractors.weights_registry import sha256_of
from lightning_cgan.interfaces import PaperFacts
from lightning_cgan.optimize import optimizer_step, should_log
from lightning_cgan.schedules.schedulers import OneCycle

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
        with as_file(files("lightning_cgan.extractors") / "weights" / "poses.safetensors") as path:
            self.sha256 = sha256_of(path)
            with torch.device("meta"):
                self.network = PoseNetwork()
            self.network.load_state_dict(load_file(path), assign=True)
        self.eval().requires_grad_(False)

    @torch.no_grad()
    def forward(self, image: Tensor) -> Tensor:
        """Azimuths (B,) in degrees, in full precision, of images (B, C, H, W) in [-1, 1]."""
        with torch.autocast(image.device.type, enabled=False):
            azimuth: Tensor = self.network(image.float())
        return azimuth


class PoseTraining(PaperFacts, Loadable, LightningModule):
    """Trains a ``PoseNetwork`` by the squared error of the azimuth.

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
        self.network, self.optimizer = PoseNetwork(width), optimizer

    def evaluated_networks(self) -> dict[str, nn.Module]:
        return {"network": self.network}

    def training_step(self, batch: Labelled, batch_idx: int) -> None:
        keyed.reseed("train", self.global_step, self.global_rank)
        image, azimuth = batch.image.flatten(0, 1), batch.label.flatten(0, 1).float() - ZERO
        loss = mse_loss(self.network(image) / UNIT, azimuth / UNIT)
        optimizer_step(self, self.optimizers(), loss, count=True)
        self.lr_schedulers().step()
        if should_log(self):
            self.log("train/loss", loss)

    def validation_step(self, batch: EvalBatch, batch_idx: int) -> EvalOutput:
        """``prediction`` and ``target`` are azimuths in degrees."""
        prediction, target = self.network(batch.image).float(), batch.label.float() - ZERO
        return EvalOutput(real=batch.image, fake=batch.image[:0], target=target, prediction=prediction)

    test_step = validation_step

    def configure_optimizers(self) -> tuple[list[Optimizer], list[LRScheduler]]:
        optimizer = self.optimizer(self.parameters())
        return [optimizer], [OneCycle(optimizer, updates_of_run(self.trainer))]
