"""Detects evaluations that do not use all of their data."""

from typing import Any

from lightning.fabric.utilities.data import sized_len
from lightning.pytorch import Trainer

KEYS = {"fit": "limit_val_batches", "validate": "limit_val_batches", "test": "limit_test_batches"}
KEYS |= {"predict": "limit_predict_batches"}


def partial(trainer: Trainer) -> str | None:
    """The part of the data that the running evaluation uses: "2 of 40 batches"; None if it uses all."""
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
    """The trainer key that leaves out batches."""
    if trainer.fast_dev_run:
        return "trainer.fast_dev_run"
    return f"trainer.{'overfit_batches' if trainer.overfit_batches else KEYS[trainer.state.fn.value]}"
