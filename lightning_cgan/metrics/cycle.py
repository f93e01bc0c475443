"""How much of an image comes back when it is translated there and back. Zhu et al. 2017, Equation 2."""

from torch import Tensor


def cycle_errors(source: Tensor, recovered: Tensor) -> Tensor:
    """The mean absolute difference (B,) float64 of each image and what came back, (B, C, H, W) in [-1, 1] both.

    The quantity that the cycle-consistency loss lowers: 0 for a perfect return, 2 at most.
    """
    return (source.double() - recovered.double()).abs().flatten(1).mean(1)
