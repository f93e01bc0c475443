"""Prints why a fit ended and how to continue it, and what changed in the environment of a resumed run."""

from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.callbacks.early_stopping import EarlyStoppingReason

from lightning_cgan.callbacks.checkpoints import LastCheckpoint
from lightning_cgan.callbacks.distributed import lost_peer
from lightning_cgan.console import info
from lightning_cgan.errors import NonFiniteError, UserError
from lightning_cgan.runs.checkpoint_files import LAST
from lightning_cgan.runs.environment import changes, environment
from lightning_cgan.runs.stops import Stopped

KEY = "environment"  # of a checkpoint
OWN_MESSAGE = (Stopped, NonFiniteError, UserError)  # print what is saved and what to do themselves


class Ending(Callback):
    """Prints one line at the end of each fit: finished, or stopped by what and how to continue.

    A run that EarlyStopping has ended stays ended when the command is run again; Lightning would train until the next
    validation each time. A longer patience continues it; Lightning would restore that of the checkpoint.
    """

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        if ended := ended_early(trainer):
            info(f"this run is over: {ended}")
            raise Stopped(0)

    def on_fit_end(self, trainer: Trainer, module: LightningModule) -> None:
        unsaved = any(
            isinstance(each, LastCheckpoint) and each.failure for each in trainer.callbacks
        )  # LastCheckpoint prints its own message
        if not trainer.fast_dev_run and not unsaved:
            info(reason(trainer))

    def on_exception(self, trainer: Trainer, module: LightningModule, exception: BaseException) -> None:
        if trainer.state.fn != "fit" or isinstance(exception, OWN_MESSAGE) or trainer.fast_dev_run:
            return
        kind = "the loss of another process" if lost_peer(exception) else type(exception).__name__
        saved = Path(trainer.default_root_dir, LAST).is_file()
        left = f"; the same command resumes from {trainer.default_root_dir}/{LAST}" if saved else "; nothing was saved"
        info(f"stopped by {kind} after update {progress(trainer)}{left}")

    def on_save_checkpoint(self, trainer: Trainer, module: LightningModule, checkpoint: dict[str, Any]) -> None:
        checkpoint[KEY] = environment(trainer)

    def on_load_checkpoint(self, trainer: Trainer, module: LightningModule, checkpoint: dict[str, Any]) -> None:
        if trainer.state.fn != "fit":
            return
        for stopping in early_stopping(trainer):
            if known := checkpoint.get("callbacks", {}).get(stopping.state_key):
                known["patience"] = stopping.patience
        if changed := changes(checkpoint.get(KEY, {}), environment(trainer)):
            info(
                f"warning: since update {checkpoint['global_step']} was saved: {'; '.join(changed)}\n"
                "the run continues, but it will not end with the same bits as one that was never stopped"
            )


def early_stopping(trainer: Trainer) -> list[EarlyStopping]:
    return [each for each in trainer.callbacks if isinstance(each, EarlyStopping)]


def ended_early(trainer: Trainer) -> str | None:
    """Why the resumed run had been ended early; None if it was not."""
    for stopping in early_stopping(trainer):
        out_of_patience = stopping.stopping_reason == EarlyStoppingReason.PATIENCE_EXHAUSTED
        if out_of_patience and stopping.wait_count < stopping.patience:
            continue
        if stopping.stopping_reason != EarlyStoppingReason.NOT_STOPPED:
            return (
                f"EarlyStopping ended it at update {progress(trainer)}. {message(stopping)} To continue, "
                "set a longer patience or remove it from trainer.callbacks; --fresh starts over"
            )
    return None


def message(stopping: EarlyStopping) -> str:
    return (stopping.stopping_reason_message or "").removesuffix(" Signaling Trainer to stop.").strip()


def progress(trainer: Trainer) -> str:
    """Generator updates done, with the total where it is known: "250 of 1000"."""
    return f"{trainer.global_step} of {trainer.max_steps}" if trainer.max_steps > 0 else str(trainer.global_step)


def reason(trainer: Trainer) -> str:
    """Why a fit ended, and where its state is."""
    done, folder = progress(trainer), trainer.default_root_dir
    if 0 < trainer.max_steps <= trainer.global_step:
        return f"finished: {done} updates in {folder}"
    for stopping in early_stopping(trainer):
        if trainer.should_stop and stopping.stopping_reason != EarlyStoppingReason.NOT_STOPPED:
            return f"ended by EarlyStopping at update {done}, saved in {folder}. {message(stopping)}"
    if trainer.should_stop:
        return f"ended by a callback (trainer.should_stop) at update {done}; the same command resumes"
    if trainer.max_steps > 0:
        return f"ended by trainer.max_epochs={trainer.max_epochs} at update {done}; a larger one continues"
    return f"finished: {trainer.max_epochs} epochs, {done} updates in {folder}"
