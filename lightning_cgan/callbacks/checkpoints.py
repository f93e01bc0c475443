"""Which states of a run are kept: the last, to go on from, and the best on validation data, to test."""

from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint, ModelCheckpoint

from lightning_cgan.runs.checkpoint_files import BEST, LAST


class Last(Checkpoint):
    """Keeps ``last.ckpt`` in the run folder.

    Every random draw is keyed by the generator update, so a checkpoint between two updates holds all there is to
    restore, and a run that goes on from it ends with the bits of one that was never stopped.

    Args:
        every: generator updates between saves; each validation and the end of training save as well.
    """

    def __init__(self, every: int = 250) -> None:
        self.every = every
        self.saved = -1

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, *_: Any) -> None:
        step = trainer.global_step
        # Where validation follows, wait for it: resumed from here, Lightning would leave it out.
        validated = trainer.enable_validation and step % trainer.val_check_batch == 0
        if step % self.every == 0 and not validated:
            self.save(trainer)

    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            self.save(trainer)

    def on_train_end(self, trainer: Trainer, module: LightningModule) -> None:
        if self.saved != trainer.global_step:
            self.save(trainer)

    def save(self, trainer: Trainer) -> None:
        self.saved = trainer.global_step
        for logger in trainer.loggers:
            logger.save()
        trainer.save_checkpoint(f"{trainer.default_root_dir}/{LAST}")


class Best(ModelCheckpoint):
    """Keeps ``best.ckpt`` in the run folder: the state with the best validation score. Test data has no say.

    Args:
        monitor: the score; where a run does not log it, nothing is kept.
        mode: "min" or "max".
    """

    def __init__(self, monitor: str = "val/fid", mode: str = "min") -> None:
        super().__init__(filename=BEST.removesuffix(".ckpt"), monitor=monitor, mode=mode, enable_version_counter=False)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self.dirpath = trainer.default_root_dir
        super().setup(trainer, pl_module, stage)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on with the best score so far, also where the run folder has been moved."""
        here = f"{self.dirpath}/{BEST}"
        known = dict.fromkeys(("best_model_path", "kth_best_model_path"), here) if state_dict["best_model_path"] else {}
        scores = dict(zip([here], state_dict["best_k_models"].values(), strict=False))
        super().load_state_dict({**state_dict, **known, "best_k_models": scores, "dirpath": self.dirpath})

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.monitor in trainer.callback_metrics:
            super().on_validation_end(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """A run is one epoch to Lightning; validation has already decided."""
