"""Weight normalisation with initial values from data. Salimans & Kingma 2016, as the code of Salimans et al. 2016 does.

A weight is a direction times a scale. In most layers the scale is set once, from a first batch, and not trained.
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class WeightNorm(nn.Module):
    """What the layers below share: direction ``weight``, and for each output ``scale`` and ``bias``.

    Args:
        trained_scale: whether the scale is a parameter.
        spread: standard deviation of the outputs after :func:`initialise`; None leaves the layer out of it.
    """

    weight: Tensor
    bias: Any  # Linear and Conv2d disagree whether it may be None
    scale: Tensor
    spread: float | None
    output_axis = 0  # of the weight

    def begin(self, trained_scale: bool, spread: float | None) -> None:
        nn.init.normal_(self.weight, std=0.05)
        nn.init.zeros_(self.bias)
        scale = torch.ones_like(self.bias)
        if trained_scale:
            self.scale = nn.Parameter(scale)
        else:
            self.register_buffer("scale", scale)
        self.spread = spread

    @property
    def normalised(self) -> Tensor:
        axes = [axis for axis in range(self.weight.ndim) if axis != self.output_axis]
        norm = (self.weight.square().sum(axes, keepdim=True) + 1e-6).sqrt()
        return self.weight * (self.scale.view_as(norm) / norm)


class Linear(WeightNorm, nn.Linear):
    """(B, in) to (B, out)."""

    def __init__(self, before: int, after: int, trained_scale: bool = False, spread: float | None = 1.0) -> None:
        super().__init__(before, after)
        self.begin(trained_scale, spread)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.normalised, self.bias)


class Conv2d(WeightNorm, nn.Conv2d):
    """(B, in, H, W) to (B, out, H', W')."""

    def __init__(self, before: int, after: int, kernel_size: int = 3, stride: int = 1, padding: int = 1) -> None:
        super().__init__(before, after, kernel_size, stride, padding)
        self.begin(trained_scale=False, spread=1.0)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.normalised, self.bias, self.stride, self.padding)


class ConvTranspose2d(WeightNorm, nn.ConvTranspose2d):
    """(B, in, H, W) to (B, out, 2H, 2W) with a 5x5 kernel; the scale is trained."""

    output_axis = 1

    def __init__(self, before: int, after: int, spread: float | None = 1.0) -> None:
        super().__init__(before, after, 5, stride=2, padding=2, output_padding=1)
        self.begin(trained_scale=True, spread=spread)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv_transpose2d(x, self.normalised, self.bias, stride=2, padding=2, output_padding=1)


@torch.no_grad()
def initialise(network: nn.Module, batch: Tensor) -> None:
    """Set scales and biases of fresh layers so that each output has mean 0 and its layer's ``spread`` over ``batch``.

    Works from the first layer to the last in one pass; a network without such layers stays as it is.
    """

    def standardise(spread: float, layer: WeightNorm, _: tuple[Tensor], output: Tensor) -> Tensor:
        seen = output.float().transpose(0, 1).flatten(1)
        rate = spread / seen.std(1, correction=0).clamp(min=1e-6)
        shift = -seen.mean(1) * rate
        layer.scale.mul_(rate)
        layer.bias.add_(shift)
        shape = (-1, *[1] * (output.ndim - 2))
        return output * rate.view(shape) + shift.view(shape)

    hooks = [
        layer.register_forward_hook(partial(standardise, layer.spread))
        for layer in network.modules()
        if isinstance(layer, WeightNorm) and layer.spread is not None
    ]
    if hooks:
        network(batch)
    for hook in hooks:
        hook.remove()
