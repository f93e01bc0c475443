"""Base classes of the trainings of small networks that scores are computed by."""

from typing import Any, cast

from lightning.pytorch import LightningModule
from lightning.pytorch.cli import OptimizerCallable
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LRScheduler

from lightning_cgan import keyed
from lightning_cgan.batches import EvalBatch, EvalOutput, ImageSpec
from lightning_cgan.clock import updates_of_run
from lightning_cgan.config.stored_model import Loadable
from lightning_cgan.interfaces import PaperFacts
from lightning_cgan.optimize import optimizer_step, should_log
from lightning_cgan.schedules.schedulers import OneCycle


class NetworkTraining(PaperFacts, Loadable, LightningModule):
    """Trains one network on a one-cycle schedule. A subclass defines ``loss`` and ``validation_step``.

    Args:
        network: to train.
        optimizer: maps parameters to an optimizer; its learning rate is the peak of the schedule.
    """

    def __init__(self, network: nn.Module, optimizer: OptimizerCallable) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.network, self.optimizer = network, optimizer

    def loss(self, image: Tensor, label: Tensor) -> Tensor:
        """The loss of training images (B, C, H, W) in [-1, 1] and their labels."""
        raise NotImplementedError

    def evaluated_networks(self) -> dict[str, nn.Module]:
        return {"network": self.network}

    def training_step(self, batch: Any, batch_idx: int) -> None:
        keyed.reseed("train", self.global_step, self.global_rank)
        loss = self.loss(*(part.flatten(0, 1) for part in batch))
        optimizer_step(self, cast(LightningOptimizer, self.optimizers()), loss, count=True)
        self.lr_schedulers().step()
        if should_log(self):
            self.log("train/loss", loss)

    def configure_optimizers(self) -> tuple[list[Optimizer], list[LRScheduler]]:
        optimizer = self.optimizer(self.parameters())
        return [optimizer], [OneCycle(optimizer, updates_of_run(self.trainer))]


class LabelTraining(NetworkTraining):
    """Trains a network that predicts the label of an image. A subclass defines ``make``, ``loss`` and ``predicted``.

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
        super().__init__(self.make(spec, width), optimizer)

    @classmethod
    def make(cls, spec: ImageSpec, width: int) -> nn.Module:
        """The network to train, with ``width`` channels in its first layer."""
        raise NotImplementedError

    def predicted(self, image: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        """The prediction (B,) for each image (B, C, H, W) in [-1, 1], and its target from the labels (B,)."""
        raise NotImplementedError

    def validation_step(self, batch: EvalBatch, batch_idx: int) -> Any:
        """An :class:`EvalOutput` with predictions and targets, without generated images."""
        prediction, target = self.predicted(batch.image, batch.label)
        return EvalOutput(real=batch.image, fake=batch.image[:0], target=target, prediction=prediction)

    test_step = validation_step
