"""Scores of the poses of objects: how well they are seen, and how well a translation keeps them."""

import math
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torchmetrics.utilities.distributed import gather_all_tensors

from lightning_cgan.batches import EvalOutput
from lightning_cgan.callbacks.scores.card import card
from lightning_cgan.extractors.poses import PoseRegressor
from lightning_cgan.metrics.views import view_errors, view_scores
from lightning_cgan.runs.metrics_json import report


def gathered(part: Tensor, trainer: Trainer) -> Tensor:
    """The rows that all processes hold."""
    return torch.cat(gather_all_tensors(part.contiguous())) if trainer.world_size > 1 else part


class ViewScores(Callback):
    """Logs the scores of :func:`lightning_cgan.metrics.views.view_scores` as ``val/views``, ``val/view_bits`` and
    ``val/azimuth_rmse``, of the way back as ``val/back_views`` and so on where a paper learns it, and their twins
    ``test/…``; they go to ``metrics.json`` too. Azimuths are those that a regressor sees, before and after.
    """

    def __init__(self) -> None:
        self.regressor = PoseRegressor()

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.regressor.to(module.device)
        self.azimuths: dict[str, list[Tensor]] = {}  # before and after, of each direction

    def on_validation_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: EvalOutput, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        for prefix, way in {"": outputs, "back_": outputs.reverse}.items():
            if way is not None:
                at = torch.full((len(way.fake),), float(batch_idx * trainer.world_size + trainer.global_rank))
                seen = [at.to(module.device), self.regressor(way.source), self.regressor(way.fake)]
                self.azimuths.setdefault(prefix, []).append(torch.stack(seen, 1))

    def on_validation_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        if not trainer.sanity_checking:
            self.finish(trainer, module, "val")

    on_test_start, on_test_batch_end = on_validation_start, on_validation_batch_end

    def on_test_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        self.finish(trainer, module, "test")

    def finish(self, trainer: Trainer, module: LightningModule, split: str) -> None:
        scores: dict[str, float] = {}
        errors: dict[str, float] = {}
        notes, counts = [], []
        for prefix, parts in self.azimuths.items():
            rows = gathered(torch.cat(parts), trainer)
            _, source, fake = rows[rows[:, 0].argsort(stable=True)].unbind(1)  # in the order of one process
            known = fake.isfinite()
            if not bool(known.all()):
                notes.append(f"{int((~known).sum())} of {len(fake)} generated pictures hold NaN or infinity.")
            scores |= {prefix + name: value for name, value in view_scores(source[known], fake[known]).items()}
            errors |= {prefix + name: value for name, value in view_errors(source[known], fake[known]).items()}
            counts.append(len(fake))
        written = card(trainer, module, split, reals=0, fakes=counts[0])
        written |= {"regressor": {"name": self.regressor.name, "sha256": self.regressor.sha256}}
        report(trainer, module, split, scores, errors, written, notes=notes)


class AzimuthError(Callback):
    """Logs ``val/azimuth_rmse`` and ``test/azimuth_rmse``, in degrees, of a network that is trained to see azimuths; it
    goes to ``metrics.json`` too.
    """

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.squares: list[Tensor] = []

    def on_validation_batch_end(self, trainer: Trainer, module: LightningModule, outputs: EvalOutput, *_: Any) -> None:
        self.squares.append((outputs.prediction - outputs.target).double().square())

    def on_validation_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        if not trainer.sanity_checking:
            self.finish(trainer, module, "val")

    on_test_start, on_test_batch_end = on_validation_start, on_validation_batch_end

    def on_test_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        self.finish(trainer, module, "test")

    def finish(self, trainer: Trainer, module: LightningModule, split: str) -> None:
        squares = gathered(torch.cat(self.squares), trainer)
        mean = squares.mean().item()
        error = squares.std().item() / math.sqrt(max(len(squares), 1)) / (2 * math.sqrt(mean)) if mean else 0.0
        written = card(trainer, module, split, reals=len(squares), fakes=0)
        report(trainer, module, split, {"azimuth_rmse": math.sqrt(mean)}, {"azimuth_rmse": error}, written)
