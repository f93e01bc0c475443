"""Length of a run in generator updates, one for each ``training_step``."""

from math import inf
from typing import Any

from lightning.pytorch import Trainer

from lightning_cgan.errors import UserError


def updates_of_run(trainer: Trainer) -> int:
    """Number of generator updates of a run: the smaller of ``max_steps`` and ``max_epochs`` times updates per epoch.

    An epoch has as many updates as the training loader has batches. Callable from ``configure_optimizers`` on.

    Raises:
        UserError: if the trainer sets neither.
    """
    epochs = trainer.max_epochs if trainer.max_epochs is not None else -1
    ends = [float(trainer.max_steps)] if trainer.max_steps >= 0 else []
    if epochs >= 0:
        ends.append(epochs * updates_of_epoch(trainer))
    if not ends or min(ends) == inf:
        raise UserError(
            "Schedules depend on the length of the run in generator updates, so the Trainer must set it; got "
            f"max_steps={trainer.max_steps} and max_epochs={epochs}. Set max_steps."
        )
    return int(min(ends))


def updates_of_epoch(trainer: Trainer) -> float:
    """Batches of the training loader in one epoch, limited by ``limit_train_batches``; inf if unknown.

    The data module builds a separate loader for this. Lightning's ``estimated_stepping_batches`` would start the
    workers of the training loader, which would load batches before the checkpoint has set the update to resume from.
    """
    data: Any = trainer.datamodule  # type: ignore[attr-defined]
    if trainer.num_training_batches == inf and data is not None:
        batches, limit = len(data.train_dataloader()), trainer.limit_train_batches
        return int(batches * limit) if isinstance(limit, float) else min(batches, limit)
    if trainer.num_training_batches == inf:
        _ = trainer.estimated_stepping_batches  # sets num_training_batches
    return trainer.num_training_batches


def endless_epoch(trainer: Trainer | None) -> int | None:
    """Updates of the single epoch of a run that ends by ``max_steps`` only; None if the trainer counts epochs."""
    if trainer is None or trainer.max_steps < 1 or (trainer.max_epochs is not None and trainer.max_epochs >= 0):
        return None
    return trainer.max_steps
