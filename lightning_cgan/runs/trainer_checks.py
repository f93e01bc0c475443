"""Checks of Trainer settings: those that the suite does not support are refused before a run begins."""

from collections.abc import Iterator
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer

from lightning_cgan._compat import uses_distributed_sampler
from lightning_cgan.console import info
from lightning_cgan.errors import UserError

Refusal = tuple[str, str, object, str]  # the rule, the trainer key, its value, what to set
HALF = ("bf16-true", "16-true", "64-true")


def check_asked(asked: Any) -> None:
    """Refuse values for which the Trainer's constructor would raise its own errors.

    Args:
        asked: the parsed trainer keys.

    Raises:
        UserError: naming the first such key.
    """
    interval = asked.val_check_interval
    if interval is not None and not isinstance(interval, int):
        refuse("Validation comes after so many generator updates", "val_check_interval", interval, "to a whole number")
    if asked.barebones:
        refuse("A run writes checkpoints and logs, which a bare trainer does not", "barebones", True, "to false")
    if str(asked.devices) in ("0", "[]"):
        refuse("A run needs a device", "devices", asked.devices, "to 1")
    if asked.accelerator in ("gpu", "cuda") and not torch.cuda.is_available():
        refuse("Torch finds no GPU on this machine", "accelerator", asked.accelerator, "to auto or cpu")


def check_precision(trainer: Trainer) -> None:
    """Refuse weights of another precision than float32.

    Raises:
        UserError: naming the supported ones.
    """
    if str(trainer.precision) in HALF:
        refuse(
            "Weights are float32, and images come as float32",
            "precision",
            trainer.precision,
            "to 32-true, or to bf16-mixed or 16-mixed for faster networks",
        )


def check_training(trainer: Any, module: LightningModule) -> None:
    """Refuse settings that training would ignore or fail on, and warn if there will be no validation.

    Raises:
        UserError: naming the first such key.
    """
    check_precision(trainer)
    manual = () if module.automatic_optimization else of_optimisation(trainer)
    epochs = () if trainer.fast_dev_run else (*of_epochs(trainer), *of_data(trainer), *of_validation(trainer))
    for refusal in (*manual, *epochs):
        refuse(*refusal)
    interval = trainer.val_check_interval
    if trainer.limit_val_batches and isinstance(interval, int) and interval > trainer.max_steps:
        info(
            f"warning: no validation, and no best.ckpt: trainer.val_check_interval is {interval}, the run has "
            f"{trainer.max_steps} updates"
        )


def refuse(rule: str, key: str, got: object, way_out: str) -> None:
    raise UserError(f"{rule}; got trainer.{key} {got}. Set trainer.{key} {way_out}.")


def of_optimisation(trainer: Any) -> Iterator[Refusal]:
    rule = "The optimizer steps of networks that are updated in turns are those of the paper"
    if trainer.accumulate_grad_batches != 1:
        yield rule, "accumulate_grad_batches", trainer.accumulate_grad_batches, "to 1, and data.init_args.batch_size"
    if trainer.gradient_clip_val:
        yield rule, "gradient_clip_val", trainer.gradient_clip_val, "to null"


def of_epochs(trainer: Any) -> Iterator[Refusal]:
    rule = "A run is one endless epoch, and its length is trainer.max_steps generator updates"
    if trainer.max_epochs not in (None, -1):
        yield rule, "max_epochs", trainer.max_epochs, "to null"
    if trainer.min_epochs:
        yield rule, "min_epochs", trainer.min_epochs, "to null"
    if trainer.min_steps is not None and trainer.min_steps > trainer.max_steps:
        yield rule, "min_steps", trainer.min_steps, f"to {trainer.max_steps} at most, or to null"
    if reload := trainer.reload_dataloaders_every_n_epochs:
        yield rule, "reload_dataloaders_every_n_epochs", reload, "to 0"
    if (every := trainer.check_val_every_n_epoch) is not None:
        yield rule, "check_val_every_n_epoch", every, "to null, and trainer.val_check_interval"


def of_data(trainer: Any) -> Iterator[Refusal]:
    rule = "A run trains on all training images, in an endless order that is shared by all processes"
    if trainer.overfit_batches:
        yield rule, "overfit_batches", trainer.overfit_batches, "to 0, or data to a smaller set"
    elif not (isinstance(trainer.limit_train_batches, float) and trainer.limit_train_batches == 1):
        yield rule, "limit_train_batches", trainer.limit_train_batches, "to 1.0; trainer.max_steps shortens a run"
    if trainer.world_size > 1 and uses_distributed_sampler(trainer):
        yield rule, "use_distributed_sampler", True, "to false"


def of_validation(trainer: Any) -> Iterator[Refusal]:
    rule = "Validation comes after so many generator updates, at least 1"
    interval = trainer.val_check_interval
    if interval <= 0:
        yield rule, "val_check_interval", interval, "to a number of updates; trainer.limit_val_batches 0 leaves it out"
