"""Stops a fit between two updates and saves its state, on a signal or at the time limit."""

import signal
import time
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import Timer

from lightning_cgan.callbacks.checkpoints import LastCheckpoint
from lightning_cgan.callbacks.distributed import kill_children, launched_by_lightning
from lightning_cgan.callbacks.ending import progress
from lightning_cgan.console import info
from lightning_cgan.runs.checkpoint_files import LAST, update_of
from lightning_cgan.runs.stops import STATUS, UNFINISHED, Signals, Stopped, note

KEY = "validation_due"  # in a checkpoint that was saved before the validation of its update
TIME_IS_UP = 1000  # not the number of any signal


class Stopping(Callback):
    """Stops a fit so that the same command, or ``trainer.fit(ckpt_path=".../last.ckpt")``, ends with the same bits.

    Ctrl-C, SIGTERM, SIGHUP, SIGUSR1 (``sbatch --signal=USR1@120``) and ``trainer.max_time`` take effect after the
    current update: ``last.ckpt`` is saved, and the fit ends with :class:`~lightning_cgan.runs.stops.Stopped`, with exit
    status 130, 143, 129, and 75 for the last two. During a validation it stops at once: the state is saved before each
    validation, and a resumed run repeats it. A second signal ends the process immediately.

    Several processes stop at the same update, whichever of them got the signal. The time limit counts from the start of
    the fit in this process, so a chain of jobs can continue; Lightning's Timer would include the earlier jobs, and
    would validate once more.
    """

    def __init__(self) -> None:
        self.signals = Signals(self.caught)
        self.seconds = float("inf")
        self.validating = self.due = self.saving = False
        self.asked = self.updates = 0  # reason to stop, agreed by all processes; updates done

    def setup(self, trainer: Trainer, module: LightningModule, stage: str) -> None:
        if stage != "fit":
            return
        self.began, self.trainer = time.monotonic(), trainer
        limits = [each for each in trainer.callbacks if isinstance(each, Timer) and each.time_remaining() is not None]
        self.seconds = min((float(each.time_remaining() or 0) for each in limits), default=float("inf"))
        trainer.callbacks = [each for each in trainer.callbacks if each not in limits]

    def on_save_checkpoint(self, trainer: Trainer, module: LightningModule, checkpoint: dict[str, Any]) -> None:
        checkpoint[KEY] = self.validating

    def on_load_checkpoint(self, trainer: Trainer, module: LightningModule, checkpoint: dict[str, Any]) -> None:
        self.due = checkpoint.get(KEY, False)

    def on_sanity_check_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.listen(trainer)

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.listen(trainer)
        self.asked = self.updates = 0
        self.group = torch.distributed.new_group(backend="gloo") if trainer.world_size > 1 else None
        if self.due and trainer.enable_validation:
            validate(trainer)
        self.due = False

    def listen(self, trainer: Trainer) -> None:
        """Install the handlers in place of Lightning's, which communicate between processes inside a signal handler."""
        self.signals.on_second = lambda: kill_children(trainer)
        self.signals.install()

    def caught(self, number: signal.Signals) -> None:
        """Called inside the signal handler."""
        trainer = self.trainer
        if self.validating and not self.saving and trainer.world_size == 1:
            self.leave(STATUS[number], number.name)
        if trainer.sanity_checking or (not self.updates and trainer.world_size == 1):
            note(f"{number.name}: stopped before the first update; there is nothing to save")
            raise Stopped(STATUS[number])
        note(f"{number.name}: saving after this update; a second signal leaves at once")

    def on_train_batch_start(self, trainer: Trainer, module: LightningModule, *_: Any) -> None:
        self.leave_if_asked()
        self.updates += 1

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.asked = self.agreed()
        if self.asked and not validation_follows(trainer, batch_idx):
            self.save(trainer)

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Saves the state before a validation, except the last one: a finished run would resume only to repeat it."""
        if trainer.state.fn != "fit" or trainer.sanity_checking or trainer.global_step >= trainer.max_steps:
            return
        self.validating = self.saving = True
        if not (self.due and is_saved(trainer)):
            self.save(trainer)
        self.saving = False
        self.leave_if_asked()
        if self.signals.caught and trainer.world_size == 1:
            self.caught(self.signals.caught)

    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Agrees on stopping before LastCheckpoint saves the state."""
        self.validating = False
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            self.asked = self.agreed()
            if self.asked and not any(isinstance(each, LastCheckpoint) for each in trainer.callbacks):
                self.save(trainer)

    def agreed(self) -> int:
        """The reason to stop now, or 0; the same in every process."""
        up = TIME_IS_UP if time.monotonic() - self.began >= self.seconds else 0
        here = self.signals.caught or up
        if self.group is None:
            return int(here)
        everywhere = torch.tensor(int(here))
        torch.distributed.all_reduce(everywhere, torch.distributed.ReduceOp.MAX, group=self.group)
        return int(everywhere)

    def save(self, trainer: Trainer) -> None:
        last = next((each for each in trainer.callbacks if isinstance(each, LastCheckpoint)), LastCheckpoint())
        if last.saved != trainer.global_step and not trainer.fast_dev_run:
            last.save(trainer)

    def leave_if_asked(self) -> None:
        if self.asked == TIME_IS_UP:
            self.leave(UNFINISHED, "trainer.max_time")
        elif self.asked:
            number = signal.Signals(self.asked)
            self.leave(STATUS[number], number.name)

    def leave(self, status: int, reason: str) -> None:
        trainer = self.trainer
        self.signals.caught = self.signals.caught or signal.SIGTERM  # any further signal counts as the second
        saved = True
        if not trainer.fast_dev_run:
            saved = is_saved(trainer)
            info(f"stopped by {reason} at update {progress(trainer)}, {where_saved(trainer, saved)}")
        raise Stopped(0 if launched_by_lightning(trainer) else status if saved else 1)

    def teardown(self, trainer: Trainer, module: LightningModule, stage: str) -> None:
        self.signals.restore()
        self.signals.caught = None

    def on_exception(self, trainer: Trainer, module: LightningModule, exception: BaseException) -> None:
        self.teardown(trainer, module, "fit")


def is_saved(trainer: Trainer) -> bool:
    """Whether ``last.ckpt`` holds the state of this update; a save may have failed, on a full disk for example."""
    return bool(trainer.strategy.broadcast(update_of(Path(trainer.default_root_dir, LAST)) == trainer.global_step))


def where_saved(trainer: Trainer, saved: bool) -> str:
    """The sentence that tells where the state of a stopped run is."""
    path = Path(trainer.default_root_dir, LAST)
    if saved:
        return f"saved in {path}; the same command resumes from there"
    if (held := update_of(path)) is None:
        return "which could not be saved"
    return f"which could not be saved; the same command resumes from update {held}, in {path}"


def validation_follows(trainer: Trainer, batch_idx: int) -> bool:
    """Whether a validation, which saves the state, follows the current update."""
    every, epochs = trainer.val_check_batch, trainer.check_val_every_n_epoch
    if not trainer.enable_validation or not every or (epochs and (trainer.current_epoch + 1) % epochs):
        return False
    return (batch_idx if epochs else trainer.fit_loop.total_batch_idx) % every == every - 1


def validate(trainer: Trainer) -> None:
    """Run the validation that was due when the run was stopped, as Lightning's loop does after an update."""
    loop = trainer.fit_loop.epoch_loop.val_loop
    loop.restarting = False
    trainer.validating = True
    loop.run()
    trainer.training = True
