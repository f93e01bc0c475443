"""What networks with spectral normalisation share."""

import torch
from torch import nn
from torch.nn.utils import parametrize


def normalise(network: nn.Module, device_type: str) -> None:
    """One power iteration of every layer, in full precision: CUDA's autocast would run it in 16 bits.

    To be called within ``parametrize.cached()``, or each later use of a weight is one more iteration.
    """
    with torch.autocast(device_type, enabled=False):
        for layer in network.modules():
            if parametrize.is_parametrized(layer, "weight"):
                _ = layer.weight
