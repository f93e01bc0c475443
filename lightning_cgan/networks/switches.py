"""Networks at test: whether they drop, and which statistics batch norm takes."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd


@contextmanager
def switched(network: nn.Module, dropout: bool, batch_statistics: bool) -> Iterator[None]:
    """Inside, ``network`` drops or not, and batch norm takes the statistics of its batch or its running ones.

    Nothing else is as in training: the running statistics stay as they are.
    """
    norms = [layer for layer in network.modules() if isinstance(layer, _BatchNorm)]
    drops = [layer for layer in network.modules() if isinstance(layer, _DropoutNd)]
    before = [(layer, layer.training) for layer in norms + drops]
    tracked = [(norm, norm.track_running_stats) for norm in norms]
    try:
        for drop in drops:
            drop.training = dropout
        for norm in norms:
            norm.training = batch_statistics
            norm.track_running_stats &= not batch_statistics
        yield
    finally:
        for layer, training in before:
            layer.training = training
        for norm, track in tracked:
            norm.track_running_stats = track


@contextmanager
def drawing_from(seed: int, device: torch.device) -> Iterator[None]:
    """Inside, torch's global generators start from ``seed``; afterwards they go on as if nothing had been drawn."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
