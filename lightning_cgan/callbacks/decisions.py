"""Writes down how ``predict`` classifies images."""

import csv
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from lightning_cgan.console import say
from lightning_cgan.contract import Decided, class_names


class Row(NamedTuple):
    """A line of ``predictions.csv``."""

    image: str
    label: int
    probability: float


class Decisions(Callback):
    """Writes ``predictions.csv`` in the run folder: each image's number or file, its class, and the probability of it.

    A class is called by its name where the data has names, else by its number.

    What is generated instead of classified is left to :class:`~lightning_cgan.callbacks.pictures.Predictions`.
    """

    def on_predict_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.batches: list[list[Row]] = []

    def on_predict_batch_end(self, trainer: Trainer, module: LightningModule, outputs: Any, *_: Any) -> None:
        if isinstance(outputs, Decided):
            rows = zip(outputs.name, outputs.label.tolist(), outputs.probability.tolist(), strict=True)
            self.batches.append([Row(*row) for row in rows])

    def on_predict_end(self, trainer: Trainer, module: LightningModule) -> None:
        shards = [self.batches]
        if trainer.world_size > 1:
            shards = [[] for _ in range(trainer.world_size)]
            torch.distributed.all_gather_object(shards, self.batches)
        in_order = chain.from_iterable(zip_longest(*shards, fillvalue=[]))  # batch k of process r is k * world + r
        rows = list(chain.from_iterable(in_order))
        if trainer.is_global_zero and rows:
            path, names = Path(trainer.default_root_dir, "predictions.csv"), class_names(trainer.datamodule)
            with path.open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(["image", "class", "probability"])
                writer.writerows(
                    (row.image, names[row.label] if names else row.label, f"{row.probability:.6f}") for row in rows
                )
            say(f"the classes of {len(rows)} images in {path}")
