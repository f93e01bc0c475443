"""Which states of a run are kept: the last, to go on from, and the best on validation data, to test."""

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
from lightning_cgan.runs.files import aside, remove_partial_files, tolerated
from lightning_cgan.runs.lock import FolderLock, is_held, renew
from lightning_cgan.runs.resume import warn_of_little_space


class LastCheckpoint(Checkpoint):
    """Keeps ``last.ckpt`` in the run folder, and the one before it as ``last.previous.ckpt``.

    Every random draw is keyed by the generator update, so a checkpoint between two updates holds all there is to
    restore, and a run that goes on from it ends with the bits of one that was never stopped.

    A save that fails, for want of room or whatever else the system says, is a warning: the last good checkpoint stays,
    and the next save tries again. Only where the end of training cannot be saved is it an error.

    While it trains, no other process can train in the folder.

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
        """Saves the start: from here on a folder without a checkpoint is one that has lost it."""
        last = Path(trainer.default_root_dir, LAST)
        starts = not trainer.ckpt_path
        if starts and trainer.is_global_zero and update_of(last):
            info(f"warning: {last} is of an earlier run, and this one replaces it: without ckpt_path it starts anew")
        if starts:
            self.save(trainer)
        if self.failure:
            raise UserError(
                f"A run needs room for its checkpoints, of {bytes_of(module)} bytes and more; got {self.failure}. "
                "Make room, or set --trainer.default_root_dir."
            )
        if trainer.is_global_zero:
            held = last.stat().st_size if last.is_file() else 0
            warn_of_little_space(trainer.default_root_dir, max(held, bytes_of(module)))

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, *_: Any) -> None:
        step = trainer.global_step
        # Where validation follows, wait for it: resumed from here, Lightning would leave it out. And for the end, when
        # the scalars of this update have been logged: nothing that comes after it would log them.
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
                f"{trainer.max_steps}. Make room, and run the same command again: it goes on from there."
            )

    def teardown(self, trainer: Trainer, module: LightningModule, stage: str) -> None:
        self.let_go()

    def on_exception(self, trainer: Trainer, module: LightningModule, exception: BaseException) -> None:
        self.let_go()

    def let_go(self) -> None:
        if self.lock:
            self.lock.release()
            self.lock = None

    def save(self, trainer: Trainer) -> bool:
        """Saves the state between two updates, and says so if that fails. Called in every process.

        Returns:
            Whether the file holds this state now.
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
    """Keeps ``best.ckpt`` in the run folder: the state with the best validation score. Test data has no say.

    Args:
        monitor: the score; where a run does not log it, nothing is kept.
        mode: "min" or "max".
    """

    def __init__(self, monitor: str = "val/fid", mode: str = "min") -> None:
        super().__init__(filename=BEST.removesuffix(".ckpt"), monitor=monitor, mode=mode, enable_version_counter=False)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self.dirpath = trainer.default_root_dir
        install(trainer)
        super().setup(trainer, pl_module, stage)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on with the best score so far, also where the run folder has been moved."""
        here = f"{self.dirpath}/{BEST}"
        known = dict.fromkeys(("best_model_path", "kth_best_model_path"), here) if state_dict["best_model_path"] else {}
        scores = dict(zip([here], state_dict["best_k_models"].values(), strict=False))
        super().load_state_dict({**state_dict, **known, "best_k_models": scores, "dirpath": self.dirpath})

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """A best state that is lost has no claim on those to come."""
        super().on_train_start(trainer, pl_module)
        path = Path(str(self.dirpath), BEST)
        lost = bool(self.best_model_path) and trainer.is_global_zero and update_of(path) is None
        if trainer.strategy.broadcast(lost):
            if path.exists() and trainer.is_global_zero:
                aside(path, "it does not verify")
            info(f"warning: {path} is lost: from here on the best of the states to come is kept")
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
        """A run is one epoch to Lightning; validation has already decided."""


def attempt(trainer: Trainer, path: str, save: Callable[[], None]) -> str:
    """What the system says where ``save`` cannot write its file; the same in every process, though one writes."""
    failure = ""
    try:
        save()
    except OSError as error:
        failure = f"{path}: {error.strerror or error}"
        trainer.strategy.barrier("Trainer.save_checkpoint")  # where the other processes wait
    return str(trainer.strategy.broadcast(failure))


def bytes_of(module: LightningModule) -> int:
    """What a checkpoint takes, about: the weights, and two moments of each that is trained."""
    tensors = [*module.parameters(), *module.buffers()]
    trained = [weight for weight in module.parameters() if weight.requires_grad]
    return sum(each.nbytes for each in tensors) + 2 * sum(each.nbytes for each in trained)


class SaveWeights(Callback):
    """Writes one network's weights into the run folder when ``fit`` ends.

    Args:
        name: of the safetensors file.
        network: the module's attribute that holds the network.
    """

    def __init__(self, name: str, network: str = "network") -> None:
        self.name, self.network = name, network

    def on_fit_end(self, trainer: Trainer, module: LightningModule) -> None:
        if trainer.is_global_zero:
            save_file(module.get_submodule(self.network).state_dict(), Path(trainer.default_root_dir, self.name))
