"""What counts as a look at test data, and what is chosen on part of the validation data."""

from lightning.pytorch import Callback, LightningModule, Trainer

from lightning_cgan.console import info
from lightning_cgan.runs.metrics_json import read_results
from lightning_cgan.runs.partial import key_of, partial


class Looks(Callback):
    """Says which evaluations leave out data. A test counts when it has seen all of them, and not before it has ended.

    The scores of any other test stand in ``metrics.json`` as "test_partial", of a validation by itself as
    "val_partial". While training they stay "val", because checkpoints are chosen by that name, and their card has
    ``partial``.
    """

    def __init__(self) -> None:
        self.told: str | None = None

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        if trainer.sanity_checking:
            return
        left = partial(trainer)
        if trainer.state.fn != "fit":
            self.say(left, trainer, "its scores are kept as val_partial")
            return
        before = read_results(trainer.default_root_dir).get("val", {}).get("card", {})
        self.say(left, trainer, "best.ckpt is chosen on them alone")
        if before and before.get("partial") != left and self.told != "both":
            seen = f"{before['partial']} of validation data" if before.get("partial") else "all validation data"
            info(f"warning: best.ckpt so far was chosen on {seen}, from now on it is on {left or 'all'}")
            self.told = "both"

    def on_test_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.say(partial(trainer), trainer, "it is no look at test data: its scores are kept as test_partial")

    def on_predict_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.say(partial(trainer), trainer, "the others are left out")

    def say(self, left: str | None, trainer: Trainer, what: str) -> None:
        if left and self.told is None and not trainer.fast_dev_run:  # a smoke run has been said to count as nothing
            info(f"warning: this evaluation sees {left} ({key_of(trainer)}); {what}")
            self.told = left
