"""Which evaluations do not see all of their data."""

from typing import Any

from lightning.fabric.utilities.data import sized_len
from lightning.pytorch import Trainer

KEYS = {"fit": "limit_val_batches", "validate": "limit_val_batches", "test": "limit_test_batches"}
KEYS |= {"predict": "limit_predict_batches"}


def partial(trainer: Trainer) -> str | None:
    """What of its data the evaluation that runs sees: "2 of 40 batches"; None where it sees all."""
    stage: Any = trainer.state.fn
    loops = {
        "fit": (trainer.num_val_batches, trainer.val_dataloaders),
        "validate": (trainer.num_val_batches, trainer.val_dataloaders),
        "test": (trainer.num_test_batches, trainer.test_dataloaders),
        "predict": (trainer.num_predict_batches, trainer.predict_dataloaders),
    }
    seen, loaders = loops[stage.value]
    loaders = loaders if isinstance(loaders, list) else [loaders]
    lengths = [sized_len(loader) for loader in loaders]
    if None in lengths or sum(seen) >= sum(lengths):
        return None
    return f"{sum(seen)} of {sum(lengths)} batches"


def key_of(trainer: Trainer) -> str:
    """The key of the trainer that leaves batches out."""
    if trainer.fast_dev_run:
        return "trainer.fast_dev_run"
    return f"trainer.{'overfit_batches' if trainer.overfit_batches else KEYS[trainer.state.fn.value]}"
