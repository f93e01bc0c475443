"""Cycle-consistency and identity losses of CycleGAN. Zhu et al. 2017."""

from torch import Tensor


def cycle_loss(image: Tensor, reconstruction: Tensor) -> Tensor:
    """L1 distance mean |reconstruction - image| after a translation there and back. Equation 2, for one domain.

    Args:
        image: (B, C, H, W).
        reconstruction: (B, C, H, W), ``image`` translated to the other domain and back.
    """
    return (reconstruction - image).abs().mean()


def identity_loss(image: Tensor, output: Tensor) -> Tensor:
    """L1 distance mean |output - image| for images that are already in the generator's target domain.

    Args:
        image: (B, C, H, W).
        output: (B, C, H, W), what the generator that translates into the domain of ``image`` makes of it.
    """
    return (output - image).abs().mean()
