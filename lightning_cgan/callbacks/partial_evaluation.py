"""Warns about evaluations that leave out data."""

from lightning.pytorch import Callback, LightningModule, Trainer

from lightning_cgan.console import info
from lightning_cgan.runs.metrics_json import read_results
from lightning_cgan.runs.partial import key_of, partial


class PartialEvaluation(Callback):
    """Warns once where ``limit_val_batches`` and the like leave out data, and what follows for scores and checkpoints.

    Scores of a partial test are written to ``metrics.json`` as "test_partial", those of a partial ``validate`` as
    "val_partial". During training they stay "val", the name that checkpoints are selected by, and their evaluation card
    has ``partial``.
    """

    def __init__(self) -> None:
        self.warned: str | None = None

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        if trainer.sanity_checking:
            return
        left = partial(trainer)
        if trainer.state.fn != "fit":
            self.warn(left, trainer, "its scores are written as val_partial")
            return
        before = read_results(trainer.default_root_dir).get("val", {}).get("card", {})
        self.warn(left, trainer, "best.ckpt is selected on this part of the validation data")
        if before and before.get("partial") != left and self.warned != "both":
            earlier = f"{before['partial']} of the validation data" if before.get("partial") else "all validation data"
            info(f"warning: best.ckpt was selected on {earlier} so far, from now on it is on {left or 'all'}")
            self.warned = "both"

    def on_test_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.warn(partial(trainer), trainer, "it does not count as scored: its scores are written as test_partial")

    def on_predict_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.warn(partial(trainer), trainer, "the other batches are left out")

    def warn(self, left: str | None, trainer: Trainer, what: str) -> None:
        if left and self.warned is None and not trainer.fast_dev_run:  # a smoke run has its own message
            info(f"warning: this evaluation sees {left} ({key_of(trainer)}); {what}")
            self.warned = left
