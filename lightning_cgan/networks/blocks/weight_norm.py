"""Weight normalisation with data-dependent initialisation: linear, convolution and transposed convolution layers.

Salimans & Kingma 2016, as in the code of Salimans et al. 2016. A weight is a direction times a scale. In most layers
the scale is set from the first batch and not trained.
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class WeightNorm(nn.Module):
    """Base of the layers below: direction ``weight``, and ``scale`` and ``bias`` for each output channel."""

    weight: Tensor
    bias: Any  # torch declares it differently in Linear and in Conv2d
    scale: Tensor
    spread: float | None
    output_axis = 0  # axis of ``weight`` that counts outputs

    def set_up(self, trained_scale: bool, spread: float | None) -> None:
        """Draw the direction and create the scale.

        Args:
            trained_scale: whether the scale is a parameter; otherwise it is a buffer.
            spread: standard deviation of the outputs after :func:`initialise`, which skips the layer if it is None.
        """
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
    """Weight-normalised linear layer, (B, in) to (B, out)."""

    def __init__(self, before: int, after: int, trained_scale: bool = False, spread: float | None = 1.0) -> None:
        super().__init__(before, after)
        self.set_up(trained_scale, spread)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.normalised, self.bias)


class Conv2d(WeightNorm, nn.Conv2d):
    """Weight-normalised convolution, (B, in, H, W) to (B, out, H', W'); the scale is not trained."""

    def __init__(self, before: int, after: int, kernel_size: int = 3, stride: int = 1, padding: int = 1) -> None:
        super().__init__(before, after, kernel_size, stride, padding)
        self.set_up(trained_scale=False, spread=1.0)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.normalised, self.bias, self.stride, self.padding)


class ConvTranspose2d(WeightNorm, nn.ConvTranspose2d):
    """Weight-normalised 5x5 transposed convolution, (B, in, H, W) to (B, out, 2H, 2W); the scale is trained."""

    output_axis = 1

    def __init__(self, before: int, after: int, spread: float | None = 1.0) -> None:
        super().__init__(before, after, 5, stride=2, padding=2, output_padding=1)
        self.set_up(trained_scale=True, spread=spread)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv_transpose2d(x, self.normalised, self.bias, stride=2, padding=2, output_padding=1)


@torch.no_grad()
def initialise(network: nn.Module, batch: Tensor) -> None:
    """Set scales and biases of new layers so that each output channel has mean 0 and std ``spread`` over ``batch``.

    One forward pass sets all layers, first to last. A network without such layers is left unchanged.
    """

    def standardise(spread: float, layer: WeightNorm, _: tuple[Tensor], output: Tensor) -> Tensor:
        values = output.float().transpose(0, 1).flatten(1)
        rate = spread / values.std(1, correction=0).clamp(min=1e-6)
        shift = -values.mean(1) * rate
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
