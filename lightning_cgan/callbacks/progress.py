"""Progress of a run: a bar on a terminal, plain lines elsewhere."""

import time
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import RichProgressBar

from lightning_cgan.clock import updates_of_run
from lightning_cgan.console import info


class UpdateBar(RichProgressBar):
    """Lightning's progress bar over the whole run in generator updates; to Lightning a run is one endless epoch."""

    @property
    def total_train_batches(self) -> int | float:
        return updates_of_run(self.trainer)

    def _get_train_description(self, current_epoch: int) -> str:
        return "Updates   "  # as long as "Validation", or the bar flickers


class PlainProgress(Callback):
    """Prints one line every ``log_every_n_steps`` generator updates where there is no terminal.

    With 0, only the last update has one.
    """

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.began, self.first, self.updates = time.monotonic(), trainer.global_step, updates_of_run(trainer)

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, *_: Any) -> None:
        step, every = trainer.global_step, trainer.log_every_n_steps
        if (not every or step % every) and step != self.updates:
            return
        speed = (step - self.first) / (time.monotonic() - self.began)
        left = (self.updates - step) / speed
        losses = "  ".join(f"{name} {value:.3f}" for name, value in trainer.progress_bar_metrics.items())
        info(f"update {step}/{self.updates}  {losses}  {speed:.1f} updates/s  {left:.0f} s left")
