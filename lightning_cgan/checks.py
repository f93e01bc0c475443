"""Checks of Trainer settings, and of constructor arguments and networks of papers."""

from collections.abc import Iterable
from typing import Any

from torch import nn

from lightning_cgan.batches import PairSpec
from lightning_cgan.errors import UserError
from lightning_cgan.interfaces import HasScale, HasSmallest


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


def check_decays(**decays: float | None) -> None:
    """Raise UserError for the first decay of a moving average outside [0, 1); None: no average."""
    for name, decay in decays.items():
        if decay is not None and not 0 <= decay < 1:
            raise UserError(
                f"{name} is 0 or more and below 1, or null for no average; got {decay}. Set model.init_args.{name}."
            )


def check_taps(count: int, **taps: tuple[int, ...]) -> None:
    """Raise UserError for the first argument without taps, or with an index that is not one of ``count`` taps."""
    for name, indices in taps.items():
        if not indices or not all(0 <= index < count for index in indices):
            got = indices[0] if len(indices) == 1 else indices
            raise UserError(f"The features have {count} taps, 0 to {count - 1}; got {got}. Set model.init_args.{name}.")


def check_image_size(paper: str, spec: PairSpec, discriminators: Iterable[nn.Module]) -> None:
    """Raise UserError for domains that differ in size, or images smaller than a discriminator takes."""
    if spec.scale != 1:
        raise UserError(
            f"{paper} translates between images of one size; got images {spec.scale} times larger in b than in a. "
            "Set data, or model.class_path to a paper on super-resolution."
        )
    smallest = max((one.smallest for one in discriminators if isinstance(one, HasSmallest)), default=1)
    if spec.size < smallest:
        raise UserError(
            f"The discriminator takes images of {smallest} pixels and more; got data of {spec.size} pixels. "
            "Set model.init_args.discriminator.init_args.layers, or data.init_args.size."
        )


def common_scale(*networks: nn.Module) -> int:
    """The ``scale`` of both networks; UserError if they differ."""
    scales = list(dict.fromkeys(one.scale for one in networks if isinstance(one, HasScale)))
    if len(scales) != 1:
        raise UserError(
            f"Both networks are for one scale; got {' and '.join(map(str, scales))}. "
            "Set model.init_args.generator.init_args.scale and model.init_args.discriminator.init_args.scale."
        )
    return scales[0]
