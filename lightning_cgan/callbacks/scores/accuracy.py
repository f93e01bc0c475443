"""The score of a model that classifies and generates nothing."""

import math
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torchmetrics.utilities.distributed import gather_all_tensors

from lightning_cgan.batches import EvalOutput
from lightning_cgan.callbacks.scores.card import card
from lightning_cgan.runs.metrics_json import report


class Accuracy(Callback):
    """Logs ``val/classification_accuracy`` and ``test/classification_accuracy``: the share of real images that the
    model classifies rightly. It goes to ``metrics.json`` too, with its binomial standard error.
    """

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.hits: list[Tensor] = []

    def on_validation_batch_end(self, trainer: Trainer, module: LightningModule, outputs: EvalOutput, *_: Any) -> None:
        self.hits.append(outputs.target == outputs.prediction)

    def on_validation_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        if not trainer.sanity_checking:
            self.finish(trainer, module, "val")

    on_test_start, on_test_batch_end = on_validation_start, on_validation_batch_end

    def on_test_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        self.finish(trainer, module, "test")

    def finish(self, trainer: Trainer, module: LightningModule, split: str) -> None:
        hits = torch.cat(self.hits)
        if trainer.world_size > 1:
            hits = torch.cat(gather_all_tensors(hits))
        share = hits.double().mean().item()
        error = math.sqrt(share * (1 - share) / max(len(hits), 1))
        name = "classification_accuracy"
        written = card(trainer, module, split, reals=len(hits), fakes=0)
        classes = trainer.datamodule.spec.num_classes
        chance = {name: 1 / classes} if classes else {}
        report(trainer, module, split, {name: share}, {name: error}, written, chance=chance)
