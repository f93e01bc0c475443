"""Checks of Trainer settings and of the constructor arguments of papers."""

from typing import Any

from lightning_cgan.errors import UserError


def check_trainer(trainer: Any) -> None:
    """Refuse Trainer settings that conflict with manual optimisation or with the data module's image order.

    Raises:
        UserError: naming the first such setting.
    """
    own_steps = "A paper takes the optimizer steps itself, as its algorithm says"
    own_order = "The data module orders the training images itself, and shares them between processes"
    distributed = trainer.world_size > 1 and trainer._accelerator_connector.use_distributed_sampler
    refused = [
        (trainer.accumulate_grad_batches != 1, own_steps, "accumulate_grad_batches",
         trainer.accumulate_grad_batches, "to 1, and data.init_args.batch_size"),
        (trainer.gradient_clip_val, own_steps, "gradient_clip_val", trainer.gradient_clip_val, "to null"),
        (trainer.overfit_batches, own_order, "overfit_batches", trainer.overfit_batches,
         "to 0, or data to a smaller set"),
        (distributed, own_order, "use_distributed_sampler", True, "to false"),
    ]  # fmt: skip
    for wrong, rule, key, got, remedy in refused:
        if wrong:
            raise UserError(f"{rule}; got trainer.{key} {got}. Set trainer.{key} {remedy}.")


def check_counts(**counts: int) -> None:
    """Raise UserError for the first count below 1; keywords are the names of constructor arguments."""
    for name, count in counts.items():
        if count < 1:
            raise UserError(f"{name} is at least 1; got {count}. Set model.init_args.{name}.")


def check_weights(**weights: float) -> None:
    """Raise UserError for the first weight below 0; keywords are the names of constructor arguments."""
    for name, weight in weights.items():
        if weight < 0:
            raise UserError(f"{name} is 0 or more; got {weight}. Set model.init_args.{name}.")


def check_positive(**values: float) -> None:
    """Raise UserError for the first value that is not above 0; keywords are the names of constructor arguments."""
    for name, value in values.items():
        if value <= 0:
            raise UserError(f"{name} is above 0; got {value}. Set model.init_args.{name}.")


def check_shares(**shares: float | None) -> None:
    """Raise UserError for the first share outside [0, 1]; keywords are the names of constructor arguments."""
    for name, share in shares.items():
        if share is not None and not 0 <= share <= 1:
            raise UserError(f"{name} is a share, from 0 to 1; got {share}. Set model.init_args.{name}.")
