"""Scores a run: on validation data while it trains, on test data when it is tested."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor, nn

from lightning_cgan.callbacks.card import card, seen_by_extractor
from lightning_cgan.callbacks.pictures import neighbour_grid, save_png
from lightning_cgan.callbacks.references import References, whole
from lightning_cgan.callbacks.results import report
from lightning_cgan.contract import Evaluated, ImageSpec, to_bytes
from lightning_cgan.metrics.extractors import Extractor
from lightning_cgan.metrics.scores import BLOCK, Gathered, Pass, Scored, all_scores
from lightning_cgan.protocol import Protocol

TRAINING_IMAGES = 50_000  # among which copies are looked for, at most


class Scores(Callback):
    """Logs scores of what a model generates and decides: ``val/fid`` and so on while it trains and in ``validate``,
    ``test/fid`` and so on in ``test``; :func:`lightning_cgan.metrics.scores.all_scores` names them all.

    Each is also written to ``metrics.json`` in the run folder, with its standard error (not while training, where only
    its value counts), and with the card that says how it was measured. ``test`` looks for copies of training images
    too, and shows those that come nearest to being one in ``neighbours.png``.

    Args:
        extractor: the network whose features and logits are scored.
        classifier: maps the spec to a network that ``test`` trains on generated images to classify real ones, and the
            other way round; None leaves these scores out, and so do images without labels.
        block: numbers in the largest matrix of distances that is held at a time.
    """

    def __init__(
        self, extractor: Extractor, classifier: Callable[[ImageSpec], nn.Module] | None = None, block: int = BLOCK
    ) -> None:
        self.extractor, self.classifier, self.block = extractor, classifier, block
        self.references = References(extractor)

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.begin(trainer, module, "val")

    def on_test_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.begin(trainer, module, "test")

    def on_validation_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Evaluated, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        self.take(trainer, batch_idx, outputs)

    def on_test_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Evaluated, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        self.take(trainer, batch_idx, outputs)

    def on_validation_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        if not trainer.sanity_checking:
            self.finish(trainer, module, "val")

    def on_test_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        self.finish(trainer, module, "test")

    def begin(self, trainer: Trainer, module: LightningModule, split: str) -> None:
        """Before an evaluation."""
        self.extractor.to(module.device)
        self.images = trainer.datamodule.reference(split)
        known = self.references.known(trainer, module, self.images) if whole(trainer) else None
        self.scored = Pass(self.extractor, known)

    def take(self, trainer: Trainer, number: int, outputs: Evaluated) -> None:
        """Take in ``outputs``, this process' part ``number`` of the evaluation."""
        self.scored.add(number, outputs)
