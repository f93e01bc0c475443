"""Power iteration of networks with spectral norm."""

import torch
from torch import nn
from torch.nn.utils import parametrize


def normalise(network: nn.Module, device_type: str) -> None:
    """Run one power iteration in every spectral-norm layer of ``network``, in float32 also under autocast.

    Autocast on CUDA would run it in 16 bits. Call it inside ``parametrize.cached()``; otherwise each later use of a
    weight runs another iteration.
    """
    with torch.autocast(device_type, enabled=False):
        for layer in network.modules():
            if parametrize.is_parametrized(layer, "weight"):
                _ = layer.weight
