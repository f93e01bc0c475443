"""Checkpoint callbacks: the last state of a run, to resume from, and the best on validation data, to test."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint, ModelCheckpoint
from safetensors.torch import save_file

from lightning_cgan.console import info
from lightning_cgan.errors import UserError
from lightning_cgan.runs.checkpoint_files import BEST, LAST, update_of
from lightning_cgan.runs.checkpoint_io import install
from lightning_cgan.runs.files import remove_partial_files, rename_broken, tolerated
from lightning_cgan.runs.lock import FolderLock, is_held, renew
from lightning_cgan.runs.resume import warn_of_little_space
from lightning_cgan.runs.score_info import score_info


class LastCheckpoint(Checkpoint):
    """Keeps ``last.ckpt`` in the run folder, and the one before it as ``last.previous.ckpt``.

    Every random draw is keyed by the generator update, so a checkpoint between two updates holds the whole state, and a
    resumed run ends with the same bits as one that was never stopped.

    A save that fails, because the disk is full for example, is a warning: the last good checkpoint stays, and the next
    save tries again. It is an error only if the end of training cannot be saved.

    While a run trains, no other process can train in its folder.

    Args:
        every: generator updates between saves; the start, each validation and the end of training save as well.
    """

    def __init__(self, every: int = 250) -> None:
        self.every = every
        self.saved = -1
        self.lock: FolderLock | None = None
        self.failure = ""

    def setup(self, trainer: Trainer, module: LightningModule, stage: str) -> None:
        install(trainer)
        self.failure, folder = "", trainer.default_root_dir
        if stage == "fit" and trainer.is_global_zero:
            if not is_held(folder, "fit"):
                self.lock = FolderLock(folder, "fit")
                self.lock.acquire()
            remove_partial_files(Path(folder))

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Saves the initial state, so that a folder without a checkpoint is known to have lost it."""
        last = Path(trainer.default_root_dir, LAST)
        starts = not trainer.ckpt_path
        if starts and trainer.is_global_zero and update_of(last):
            info(f"warning: {last} is of an earlier run and will be replaced: without ckpt_path this run starts anew")
        if starts:
            self.save(trainer)
        if self.failure:
            raise UserError(
                f"A run needs disk space for its checkpoints, at least {bytes_of(module)} bytes; got {self.failure}. "
                "Make room, or set --trainer.default_root_dir."
            )
        if trainer.is_global_zero:
            held = last.stat().st_size if last.is_file() else 0
            warn_of_little_space(trainer.default_root_dir, max(held, bytes_of(module)))

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, *_: Any) -> None:
        step = trainer.global_step
        # Where a validation follows, the state is saved after it: a run resumed from here would skip it. At the last
        # update it is saved in on_train_end, when the scalars of this update have been logged.
        waits = step == trainer.max_steps or (trainer.enable_validation and step % trainer.val_check_batch == 0)
        if step % self.every == 0 and not waits:
            self.save(trainer)

    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            self.save(trainer)

    def on_train_end(self, trainer: Trainer, module: LightningModule) -> None:
        if self.saved != trainer.global_step:
            self.save(trainer)

    def on_fit_end(self, trainer: Trainer, module: LightningModule) -> None:
        if self.failure:
            held = update_of(Path(trainer.default_root_dir, LAST))
            raise UserError(
                f"A run ends with its last state saved; got {self.failure}. {LAST} is of update {held} of "
                f"{trainer.max_steps}. Make room, and run the same command again: it resumes from there."
            )

    def teardown(self, trainer: Trainer, module: LightningModule, stage: str) -> None:
        self.release_lock()

    def on_exception(self, trainer: Trainer, module: LightningModule, exception: BaseException) -> None:
        self.release_lock()

    def release_lock(self) -> None:
        if self.lock:
            self.lock.release()
            self.lock = None

    def save(self, trainer: Trainer) -> bool:
        """Save the state between two updates; a failure is a warning. Called in every process.

        Returns:
            Whether the file now holds this state.
        """
        renew(trainer.default_root_dir, "fit")
        for logger in trainer.loggers:
            with tolerated(f"the log of {type(logger).__name__}"):
                logger.save()
        path = f"{trainer.default_root_dir}/{LAST}"
        self.failure = attempt(trainer, path, lambda: trainer.save_checkpoint(path))
        if self.failure:
            info(f"warning: update {trainer.global_step} was not saved: {self.failure}; the next save tries again")
            return False
        self.saved = trainer.global_step
        return True


class BestCheckpoint(ModelCheckpoint):
    """Keeps ``best.ckpt`` in the run folder: the state with the best validation score. Test data are never used.

    Args:
        monitor: the score; nothing is saved in a run that does not log it.
        mode: "min" or "max"; when None, the better direction of the score in :mod:`lightning_cgan.runs.score_info`, and
            "min" where the table has none.
    """

    def __init__(self, monitor: str = "val/fid", mode: str | None = None) -> None:
        better = score_info(monitor.rpartition("/")[2]).better
        mode = mode or ("max" if better == "higher" else "min")
        super().__init__(filename=BEST.removesuffix(".ckpt"), monitor=monitor, mode=mode, enable_version_counter=False)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self.dirpath = trainer.default_root_dir
        install(trainer)
        super().setup(trainer, pl_module, stage)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restores the best score so far, also if the run folder has been moved."""
        here = f"{self.dirpath}/{BEST}"
        known = dict.fromkeys(("best_model_path", "kth_best_model_path"), here) if state_dict["best_model_path"] else {}
        scores = dict(zip([here], state_dict["best_k_models"].values(), strict=False))
        super().load_state_dict({**state_dict, **known, "best_k_models": scores, "dirpath": self.dirpath})

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Forgets the best score if its checkpoint is lost, so that later states can become the best."""
        super().on_train_start(trainer, pl_module)
        path = Path(str(self.dirpath), BEST)
        lost = bool(self.best_model_path) and trainer.is_global_zero and update_of(path) is None
        if trainer.strategy.broadcast(lost):
            if path.exists() and trainer.is_global_zero:
                rename_broken(path, "it does not verify")
            info(f"warning: {path} is lost: the best of the states from here on is kept")
            self.forget()

    def forget(self) -> None:
        fresh = type(self)(str(self.monitor), self.mode)
        super().load_state_dict(fresh.state_dict() | {"dirpath": self.dirpath})

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.monitor not in trainer.callback_metrics:
            return
        before = self.state_dict() | {"best_k_models": dict(self.best_k_models)}
        hook = super().on_validation_end
        if failure := attempt(trainer, f"{self.dirpath}/{BEST}", lambda: hook(trainer, pl_module)):
            super().load_state_dict(before)
            info(f"warning: the best state so far, of update {trainer.global_step}, was not saved: {failure}")

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Does nothing: a run is one epoch, and the best state is selected after each validation."""


def attempt(trainer: Trainer, path: str, save: Callable[[], None]) -> str:
    """The error message if ``save`` cannot write its file, else ""; the same in every process."""
    failure = ""
    try:
        save()
    except OSError as error:
        failure = f"{path}: {error.strerror or error}"
        trainer.strategy.barrier("Trainer.save_checkpoint")  # where the other processes wait
    return str(trainer.strategy.broadcast(failure))


def bytes_of(module: LightningModule) -> int:
    """The approximate size of a checkpoint: all weights, and two optimizer moments of each trained one."""
    tensors = [*module.parameters(), *module.buffers()]
    trained = [weight for weight in module.parameters() if weight.requires_grad]
    return sum(each.nbytes for each in tensors) + 2 * sum(each.nbytes for each in trained)


class SaveWeights(Callback):
    """Writes the weights of one network to the run folder at the end of ``fit``.

    Args:
        name: file name, ending in .safetensors.
        network: the module's attribute that holds the network.
    """

    def __init__(self, name: str, network: str = "network") -> None:
        self.name, self.network = name, network

    def on_fit_end(self, trainer: Trainer, module: LightningModule) -> None:
        if trainer.is_global_zero:
            save_file(module.get_submodule(self.network).state_dict(), Path(trainer.default_root_dir, self.name))
