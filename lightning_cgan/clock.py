"""How long a run is. Its clock counts generator updates, one for each ``training_step``."""

from math import inf
from typing import Any

from lightning.pytorch import Trainer

from lightning_cgan.errors import UserError


def updates_of_run(trainer: Trainer) -> int:
    """The generator updates after which ``trainer`` ends a run: ``max_steps``, or its epochs if they are fewer.

    An epoch has as many updates as the training loader has batches. May be asked from ``configure_optimizers`` on.

    Raises:
        UserError: where neither ends the run.
    """
    epochs = trainer.max_epochs if trainer.max_epochs is not None else -1
    ends = [float(trainer.max_steps)] if trainer.max_steps >= 0 else []
    if epochs >= 0:
        ends.append(epochs * updates_of_epoch(trainer))
    if not ends or min(ends) == inf:
        raise UserError(
            "Schedules are functions of the length of the run in generator updates; got a Trainer with "
            f"max_steps={trainer.max_steps} and max_epochs={epochs}, which does not say it. Set max_steps."
        )
    return int(min(ends))


def updates_of_epoch(trainer: Trainer) -> float:
    """The batches that the training loader gives in one epoch, within ``limit_train_batches``; inf where unknown.

    A data module is asked for a loader of its own. Lightning's ``estimated_stepping_batches`` starts the loader that
    trains: its worker processes would draw before a checkpoint says at which update the run goes on.
    """
    data: Any = trainer.datamodule  # type: ignore[attr-defined]
    if trainer.num_training_batches == inf and data is not None:
        batches, limit = len(data.train_dataloader()), trainer.limit_train_batches
        return int(batches * limit) if isinstance(limit, float) else min(batches, limit)
    if trainer.num_training_batches == inf:
        _ = trainer.estimated_stepping_batches  # has the loop count them
    return trainer.num_training_batches


def endless_epoch(trainer: Trainer | None) -> int | None:
    """The length of the one epoch of a run that only ``max_steps`` ends; None where the trainer counts epochs."""
    if trainer is None or trainer.max_steps < 1 or (trainer.max_epochs is not None and trainer.max_epochs >= 0):
        return None
    return trainer.max_steps
