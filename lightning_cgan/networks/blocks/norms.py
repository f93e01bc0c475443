"""Batch norm or instance norm in translation networks, selected by name."""

from enum import Enum

from torch import nn


class Norm(Enum):
    """Batch norm, or instance norm without gain, bias and running statistics. At batch size 1 both normalise alike."""

    batch = "batch"
    instance = "instance"

    def layer(self, channels: int) -> nn.Module:
        """A new norm layer. Instance norm raises an error for 1x1 maps in training mode."""
        return nn.BatchNorm2d(channels) if self is Norm.batch else nn.InstanceNorm2d(channels)

    @property
    def bias(self) -> bool:
        """Whether the published networks have a bias in a convolution before this norm, where it has no effect."""
        return self is Norm.instance
