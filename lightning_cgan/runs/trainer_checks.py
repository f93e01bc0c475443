"""Checks of Trainer settings: errors for those that the suite does not support, before a run starts."""

from collections.abc import Iterator
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer

from lightning_cgan._compat import uses_distributed_sampler
from lightning_cgan.console import info
from lightning_cgan.errors import UserError

Refusal = tuple[str, str, object, str]  # the rule, the trainer key, its value, what to set
HALF = ("bf16-true", "16-true", "64-true")


def check_settings(settings: Any) -> None:
    """Check the settings for which the Trainer's constructor would raise its own errors.

    Args:
        settings: parsed trainer keys.

    Raises:
        UserError: for the first unsupported setting.
    """
    interval = settings.val_check_interval
    if interval is not None and not isinstance(interval, int):
        refuse("Validation is run every N generator updates", "val_check_interval", interval, "to a whole number")
    if settings.barebones:
        refuse("A run writes checkpoints and logs, which barebones disables", "barebones", True, "to false")
    if str(settings.devices) in ("0", "[]"):
        refuse("A run needs a device", "devices", settings.devices, "to 1")
    if settings.accelerator in ("gpu", "cuda") and not torch.cuda.is_available():
        refuse("PyTorch finds no GPU on this machine", "accelerator", settings.accelerator, "to auto or cpu")


def check_precision(trainer: Trainer) -> None:
    """Check that weights are float32.

    Raises:
        UserError: for another precision; the message lists the supported ones.
    """
    if str(trainer.precision) in HALF:
        refuse(
            "Weights and images are float32",
            "precision",
            trainer.precision,
            "to 32-true, or to bf16-mixed or 16-mixed for faster networks",
        )


def check_training(trainer: Any, module: LightningModule) -> None:
    """Check the settings that training would ignore or fail on, and warn if validation will never run.

    Raises:
        UserError: for the first unsupported setting.
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


def refuse(rule: str, key: str, value: object, advice: str) -> None:
    raise UserError(f"{rule}; got trainer.{key} {value}. Set trainer.{key} {advice}.")


def of_optimisation(trainer: Any) -> Iterator[Refusal]:
    rule = "The paper defines its optimizer steps, with networks updated in turns"
    if trainer.accumulate_grad_batches != 1:
        yield rule, "accumulate_grad_batches", trainer.accumulate_grad_batches, "to 1, and data.init_args.batch_size"
    if trainer.gradient_clip_val:
        yield rule, "gradient_clip_val", trainer.gradient_clip_val, "to null"


def of_epochs(trainer: Any) -> Iterator[Refusal]:
    rule = "A run is one endless epoch, with a length of trainer.max_steps generator updates"
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
    rule = "A run trains on all training images, in one endless order over all processes"
    if trainer.overfit_batches:
        yield rule, "overfit_batches", trainer.overfit_batches, "to 0, or data to a smaller set"
    elif not (isinstance(trainer.limit_train_batches, float) and trainer.limit_train_batches == 1):
        yield rule, "limit_train_batches", trainer.limit_train_batches, "to 1.0; trainer.max_steps shortens a run"
    if trainer.world_size > 1 and uses_distributed_sampler(trainer):
        yield rule, "use_distributed_sampler", True, "to false"


def of_validation(trainer: Any) -> Iterator[Refusal]:
    rule = "Validation is run every N generator updates, with N at least 1"
    interval = trainer.val_check_interval
    if interval <= 0:
        yield (
            rule,
            "val_check_interval",
            interval,
            "to a number of updates; trainer.limit_val_batches 0 disables validation",
        )
