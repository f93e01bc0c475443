"""Checks the settings of the Trainer before a paper trains with it."""

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
