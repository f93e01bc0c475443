"""Training a paper's module for a few updates on random images, and watching what moves."""

import sys

import torch
from lightning.pytorch import Trainer
from torch.utils.data import DataLoader

from lightning_cgan.batches import Labelled
from lightning_cgan.optimize import optimizer_step
from tests.conftest import same


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


def weights(network):
    return {name: parameter.detach().clone() for name, parameter in network.named_parameters()}


def moves(model, monkeypatch, opponent="discriminator", **options):
    """Which network each optimizer step has moved: "D" or "G" or both, in order."""
    moved = []

    def watch(module, optimizer, loss, count=False):
        networks = getattr(module, opponent), module.generator
        before = [weights(network) for network in networks]
        optimizer_step(module, optimizer, loss, count)
        after = [weights(network) for network in networks]
        moved.append("".join(name for name, b, a in zip("DG", before, after, strict=True) if not same(b, a)))

    monkeypatch.setattr(sys.modules[type(model).__module__], "optimizer_step", watch)
    train(model, **options)
    return moved
