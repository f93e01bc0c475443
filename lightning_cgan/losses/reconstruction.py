"""Reconstruction and feature-matching losses of DiscoGAN, and their weighted sum. Kim et al. 2017.

The adversarial loss is in ``gan``. Weights are left to the caller.
"""

from collections.abc import Callable, Sequence
from enum import Enum

import torch
from torch import Tensor
from torch.nn import functional as F


def cosine(reconstruction: Tensor, source: Tensor) -> Tensor:
    """1 - cosine similarity of each image (B, C, H, W), as one vector, and its reconstruction; mean over images."""
    return 1 - F.cosine_similarity(reconstruction.flatten(1), source.flatten(1)).mean()


def hinge(reconstruction: Tensor, source: Tensor, margin: float = 0.1) -> Tensor:
    """mean max(0, |reconstruction - source| - margin): differences up to ``margin`` cost nothing.

    The paper mentions a hinge loss without defining it; this is the epsilon-insensitive loss of regression.
    """
    return ((reconstruction - source).abs() - margin).clamp_min(0).mean()


class Distance(Enum):
    """Distance of a reconstruction from its source, both (B, C, H, W) in [-1, 1]. The paper names the first three.

    It is computed on images rescaled to [0, 1], the range of the authors' code: the mean squared error there is a
    quarter of its value in [-1, 1].
    """

    mse = (F.mse_loss,)
    cosine = (cosine,)
    hinge = (hinge,)
    l1 = (F.l1_loss,)
    huber = (F.huber_loss,)  # quadratic up to a difference of 1, that is, from black to white

    def __init__(self, distance: Callable[[Tensor, Tensor], Tensor]) -> None:
        self.distance = distance

    def __call__(self, reconstruction: Tensor, source: Tensor) -> Tensor:
        return self.distance((reconstruction + 1) / 2, (source + 1) / 2)


def feature_matching(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """Squared difference of the batch means of features: mean over features, summed over layers.

    It is in the authors' code, not in the paper. The hinge that their code applies to it is never active: it acts as
    the identity.

    Args:
        real: for each layer, the features (B, ...) of real images.
        fake: for each layer, the features (K, ...) of generated images.
    """
    return torch.stack(
        [(fakes.mean(0) - reals.mean(0)).square().mean() for reals, fakes in zip(real, fake, strict=True)]
    ).sum()


def shared(adversarial: Tensor, reconstruction: Tensor, rate: float) -> Tensor:
    """Weighted sum (1 - rate) * adversarial + rate * reconstruction, one direction's loss in the authors' code."""
    return (1 - rate) * adversarial + rate * reconstruction
