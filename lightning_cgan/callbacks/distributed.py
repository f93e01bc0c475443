"""What several processes need to be one run."""

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.strategies import DDPStrategy


class SameBuffers(Callback):
    """Before each validation every process takes the first one's buffers, which are those that a checkpoint holds.

    Batch norm's running statistics differ between processes: DDP copies them at the start of a training step only.
    """

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        if trainer.world_size > 1:
            for buffer in module.buffers():
                torch.distributed.broadcast(buffer, src=0)


def check_strategy(trainer: Trainer, module: LightningModule) -> None:
    """Refuse plain DDP for modules of several networks: it would fail at the first step, with many words.

    Raises:
        ValueError: naming the overlay that sets the right strategy.
    """
    strategy = trainer.strategy
    plain = isinstance(strategy, DDPStrategy) and not strategy._ddp_kwargs.get("find_unused_parameters")
    if plain and not module.automatic_optimization:
        raise ValueError(
            "Networks that take turns need a strategy for it on several processes; met plain DDP. "
            "Add --config experiments/cluster/ddp.yaml, or set trainer.strategy to ddp_find_unused_parameters_true."
        )
