"""The two norms of the translation networks, as a choice by name."""

from enum import Enum

from torch import nn


class Norm(Enum):
    """Batch norm, or instance norm without gains and running statistics. At batch 1 they compute the same."""

    batch = "batch"
    instance = "instance"

    def layer(self, channels: int) -> nn.Module:
        """A fresh one. Instance norm refuses maps of one pixel in training."""
        return nn.BatchNorm2d(channels) if self is Norm.batch else nn.InstanceNorm2d(channels)

    @property
    def bias(self) -> bool:
        """Whether the published networks give a bias to a convolution before this norm, where it does nothing."""
        return self is Norm.instance
