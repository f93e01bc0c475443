"""Dropout, batch-norm statistics and random draws of a network in evaluation."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd


class NormStatistics(Enum):
    """Statistics that batch norm uses in evaluation."""

    image = "image"  # of each image alone, as in a batch of one
    batch = "batch"  # of all images of the call, so an output depends on the rest of the batch
    running = "running"  # running statistics from training


@contextmanager
def switched(network: nn.Module, dropout: bool, own_statistics: bool) -> Iterator[None]:
    """Context in which ``network`` has dropout on or off, and batch norm uses input or running statistics.

    Running statistics are not updated. Statistics are not shared between processes, even if batch norm is synchronised
    in training.

    Args:
        network: its layers are restored at the end.
        dropout: whether dropout is active.
        own_statistics: whether batch norm uses the statistics of its input instead of the running ones.
    """
    norms = [layer for layer in network.modules() if isinstance(layer, _BatchNorm)]
    drops = [layer for layer in network.modules() if isinstance(layer, _DropoutNd)]
    before = [(layer, layer.training) for layer in norms + drops]
    try:
        for drop in drops:
            drop.training = dropout
        for norm in norms:
            norm.training = False
            if own_statistics:
                norm.forward = partial(normed_by_itself, norm)  # type: ignore[method-assign]
        yield
    finally:
        for layer, training in before:
            layer.training = training
        for norm in norms if own_statistics else []:
            del norm.forward


def normed_by_itself(norm: _BatchNorm, x: Tensor) -> Tensor:
    """Batch norm of ``x`` with the statistics of ``x``; running statistics are neither read nor changed."""
    return batch_norm(x, None, None, norm.weight, norm.bias, training=True, eps=norm.eps)


@contextmanager
def drawing_from(seed: int, device: torch.device) -> Iterator[None]:
    """Context in which torch's global generators are seeded with ``seed``; their states are restored at the end."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
