"""The losses of DiscoGAN beside the adversarial one. Kim et al. 2017.

How far a source is from itself, translated there and back; how far the features of generated images are from those of
real ones. Weights stay with the caller.
"""

from collections.abc import Callable, Sequence
from enum import Enum

import torch
from torch import Tensor
from torch.nn import functional as F


def cosine(recovered: Tensor, source: Tensor) -> Tensor:
    """1 - the cosine of the angle between each image, as one vector, and its recovery; the mean over the images."""
    return 1 - F.cosine_similarity(recovered.flatten(1), source.flatten(1)).mean()


def hinge(recovered: Tensor, source: Tensor, margin: float = 0.1) -> Tensor:
    """The mean of max(0, |difference| - margin): differences up to ``margin`` are free.

    The paper names a hinge loss without writing it down; this is the one of regression.
    """
    return ((recovered - source).abs() - margin).clamp_min(0).mean()


class Distance(Enum):
    """d(recovered, source) of images (B, C, H, W) in [-1, 1]. The paper names the first three.

    It is taken between images in [0, 1], where the authors' code has them: their mean squared error there is a quarter
    of what it would be in [-1, 1].
    """

    mse = (F.mse_loss,)
    cosine = (cosine,)
    hinge = (hinge,)
    l1 = (F.l1_loss,)
    huber = (F.huber_loss,)  # quadratic up to a difference of 1, from black to white

    def __init__(self, distance: Callable[[Tensor, Tensor], Tensor]) -> None:
        self.distance = distance

    def __call__(self, recovered: Tensor, source: Tensor) -> Tensor:
        return self.distance((recovered + 1) / 2, (source + 1) / 2)


def feature_matching(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """The squared distance of the mean features of a batch: a mean over the features, summed over the layers.

    It is in the authors' code and not in the paper. Their hinge on it never bends: it is the identity.

    Args:
        real: of each layer the features (B, ...) of real images.
        fake: of each layer the features (K, ...) of generated images.
    """
    return torch.stack(
        [(of_fake.mean(0) - of_real.mean(0)).square().mean() for of_real, of_fake in zip(real, fake, strict=True)]
    ).sum()


def shared(adversarial: Tensor, reconstruction: Tensor, rate: float) -> Tensor:
    """(1 - rate) adversarial + rate reconstruction: what the authors' code adds up in each direction."""
    return (1 - rate) * adversarial + rate * reconstruction
