"""Gradient penalties on discriminators: WGAN-GP and R1, in float32 at least, also under mixed precision."""

from collections.abc import Callable

import torch
from torch import Tensor


def slopes(critic: Callable[[Tensor], Tensor], point: Tensor) -> Tensor:
    """(B,) gradient norms of ``critic`` at ``point`` (B, C, H, W): Euclidean norms over all pixels of an image."""
    with torch.autocast(point.device.type, enabled=False):
        point = point.detach().to(torch.promote_types(point.dtype, torch.float32)).requires_grad_()
        (gradient,) = torch.autograd.grad(critic(point).sum(), point, create_graph=True)
    return (gradient.flatten(1).square().sum(1) + 1e-12).sqrt()  # sqrt alone has no finite gradient at 0


def gradient_penalty(
    critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mix: Tensor | None = None, target: float = 1.0
) -> Tensor:
    """mean (|grad f(x)| - target)^2 / target^2 at one point on the line from each generated to its real image.

    Gulrajani et al. 2017, Equation 3, with the target of Karras et al. 2018, Appendix A.1. The weight (lambda) is left
    to the caller.

    Args:
        critic: maps (B, C, H, W) to (B,); close over labels if it needs them. It must not have batch norm: the gradient
            norm would then depend on the other images of the batch.
        real: (B, C, H, W).
        fake: (B, C, H, W).
        mix: (B,) share of the real image in each point; drawn uniformly from [0, 1) when None.
        target: gradient norm at which the penalty is 0.
    """
    share = torch.rand(len(real), device=real.device) if mix is None else mix
    share = share.view(-1, *[1] * (real.ndim - 1)).to(real.dtype)
    point = torch.lerp(fake.detach().to(real.dtype), real, share)
    return (slopes(critic, point) - target).square().mean() / target**2


def r1_penalty(critic: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    """1/2 mean |grad f(x)|^2 at the real images (B, C, H, W). Mescheder et al. 2018, Equation 9."""
    return slopes(critic, real).square().mean() / 2
