"""Networks at test: whether they drop, and which statistics batch norm takes."""

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
    """Which statistics batch norm takes at test."""

    image = "image"  # those of each image by itself, as in a batch of one
    batch = "batch"  # those of all images of the call: an output depends on what else is in the batch
    running = "running"  # those gathered in training


@contextmanager
def switched(network: nn.Module, dropout: bool, own_statistics: bool) -> Iterator[None]:
    """Inside, ``network`` drops or not, and batch norm takes the statistics of its input or its running ones.

    Nothing else is as in training: the running statistics stay as they are. Processes share no statistics, even where
    batch norm is synchronised in training.
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
    """Batch norm of ``x`` with the statistics of ``x``; the running ones are neither read nor changed."""
    return batch_norm(x, None, None, norm.weight, norm.bias, training=True, eps=norm.eps)


@contextmanager
def drawing_from(seed: int, device: torch.device) -> Iterator[None]:
    """Inside, torch's global generators start from ``seed``; afterwards they go on as if nothing had been drawn."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
