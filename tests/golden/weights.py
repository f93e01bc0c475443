"""Networks with fixed weights. A weight depends on its shape, its network's role and channels, and on no other name.

So the golden numbers depend neither on torch's initial values nor on what a paper or a network calls its parts.
"""

from collections import Counter
from functools import partial
from zlib import crc32

import torch
from torch import nn


def normal(key, shape):
    """Standard normal float64 numbers that are a function of ``key``, a string, and of ``shape``."""
    stream = torch.Generator().manual_seed(crc32(f"{key} {tuple(shape)}".encode()))
    return torch.randn(*shape, generator=stream, dtype=torch.float64)


def fixed(role, factory, std=None, **sizes):
    """``factory`` with ``sizes`` as arguments, whose networks get fixed weights.

    Args:
        role: sets networks of equal shapes apart.
        factory: maps a spec, a number of channels or nothing to a network.
        std: standard deviation of the weights; one over the root of the inputs when None.
        **sizes: further arguments of the factory.
    """

    def build(*spec):
        network = partial(factory, **sizes)(*spec)
        fill(network, f"{role} {' '.join(map(domains, spec))}", std)
        return network

    return build


def domains(spec):
    """What tells the networks of one factory apart: the channels, or those of both domains in the order asked for."""
    names = [name for name in ("channels", "channels_a", "channels_b") if hasattr(spec, name)]
    return str([getattr(spec, name) for name in names] or spec)


@torch.no_grad()
def fill(network, key, std=None):
    """Sets every parameter, and the vectors of spectral normalisation, which torch draws at random too."""
    seen = Counter()
    spectral = [(name, buffer) for name, buffer in network.named_buffers() if name.endswith(("._u", "._v"))]
    for name, tensor in [*network.named_parameters(), *spectral]:
        value = normal(f"{key} {seen[tensor.shape]}", tensor.shape)
        seen[tensor.shape] += 1
        if name.endswith(("._u", "._v")):
            value /= value.norm()
        elif tensor.ndim > 1:
            value *= std or (tensor.numel() / len(tensor)) ** -0.5
        else:  # gains of norms, slopes of PReLU and scales of weight normalisation are positive
            value = 0.1 * value + 0.5 * name.endswith(("weight", "scale"))
        tensor.copy_(value)


G, D = partial(fixed, "generator"), partial(fixed, "discriminator")


class Features(nn.Module):
    """A frozen network of two taps, images (B, 3, H, W) -> (B, 4, H, W) and (B, 5, H/2, W/2), in float64."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 5, 3, 2, padding=1)
        fill(self.double(), "features")

    def forward(self, image):
        first = self.first(image.double()).relu()
        return first, self.second(first).relu()
