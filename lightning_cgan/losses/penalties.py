"""Penalties on the gradient of a discriminator by its input, in full precision also under mixed precision."""

from collections.abc import Callable

import torch
from torch import Tensor


def slopes(critic: Callable[[Tensor], Tensor], point: Tensor) -> Tensor:
    """(B,) Euclidean norms over all pixels of the gradient of ``critic`` at ``point`` (B, C, H, W)."""
    with torch.autocast(point.device.type, enabled=False):
        point = point.detach().to(torch.promote_types(point.dtype, torch.float32)).requires_grad_()
        (slope,) = torch.autograd.grad(critic(point).sum(), point, create_graph=True)
    return (slope.flatten(1).square().sum(1) + 1e-12).sqrt()  # at 0 the root alone has no gradient


def gradient_penalty(
    critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mix: Tensor | None = None, gamma: float = 1.0
) -> Tensor:
    """mean (|grad f(x)| - gamma)^2 / gamma^2 at one point on the line from each fake to its real image.

    Gulrajani et al. 2017, Equation 3, with the gamma of Karras et al. 2018, Appendix A.1. The weight (lambda) is left
    to the caller.

    Args:
        critic: maps (B, C, H, W) to (B,); close over labels if it needs them. With batch norm the norm
            would not be an image's own.
        real: (B, C, H, W).
        fake: (B, C, H, W).
        mix: (B,) share of the real image in each point; drawn uniformly when None.
        gamma: the norm that the penalty asks for.
    """
    share = torch.rand(len(real), device=real.device) if mix is None else mix
    share = share.view(-1, *[1] * (real.ndim - 1)).to(real.dtype)
    point = torch.lerp(fake.detach().to(real.dtype), real, share)
    return (slopes(critic, point) - gamma).square().mean() / gamma**2


def r1_penalty(critic: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    """1/2 mean |grad f(x)|^2 at the real images (B, C, H, W). Mescheder et al. 2018, Equation 9."""
    return slopes(critic, real).square().mean() / 2
