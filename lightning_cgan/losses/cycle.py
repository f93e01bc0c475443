"""What keeps a translation without pairs to its source. Zhu et al. 2017."""

from torch import Tensor


def cycle_loss(image: Tensor, recovered: Tensor) -> Tensor:
    """mean |recovered - image|: what a translation there and back leaves changed. Equation 2, for one domain.

    Args:
        image: (B, C, H, W).
        recovered: (B, C, H, W), ``image`` translated to the other domain and back.
    """
    return (recovered - image).abs().mean()


def identity_loss(image: Tensor, kept: Tensor) -> Tensor:
    """mean |kept - image|: what a generator changes in images that are already of the domain it makes.

    Args:
        image: (B, C, H, W).
        kept: (B, C, H, W), ``image`` given to the generator of its own domain.
    """
    return (kept - image).abs().mean()
