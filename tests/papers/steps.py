"""Training a paper's module for a few updates on random images."""

import torch
from lightning.pytorch import Trainer
from torch.utils.data import DataLoader

from lightning_cgan.batches import Labelled


def batches(model, shape, updates, size=4, classes=10):
    """Random batches, as many critic batches in each as the paper asks for."""
    draw = torch.Generator().manual_seed(0)
    for update in range(updates):
        n = model.n_critic_at(update)
        image = torch.rand(n, size, *shape, generator=draw) * 2 - 1
        yield Labelled(image, torch.randint(classes, (n, size), generator=draw))


def train(model, shape=(1, 16, 16), updates=2, **options):
    """Fits ``model`` for ``updates`` generator updates; the trainer."""
    trainer = Trainer(
        accelerator="cpu",
        max_steps=updates,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=1,
        **options,
    )
    trainer.fit(model, DataLoader(list(batches(model, shape, updates)), batch_size=None))
    return trainer
