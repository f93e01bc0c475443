"""Colour distributions of generated and real images in Lab space. Isola et al. 2017, Section 4.2 and Figure 7.

Histograms of L, a and b over all pixels of all images are compared by their intersection. A model trained with L1 alone
averages over the possible colours, which narrows its histograms.
"""

import numpy as np
import torch
from skimage.color import rgb2lab
from torch import Tensor

BINS = 50
RANGES = {"l": (0.0, 100.0), "a": (-110.0, 110.0), "b": (-110.0, 110.0)}  # the range of sRGB


def lab(image: Tensor) -> Tensor:
    """uint8 sRGB images (B, 3, H, W) to L in [0, 100], a and b for illuminant D65: (B, 3, H, W) float64, on the CPU."""
    return torch.from_numpy(np.asarray(rgb2lab(image.cpu().numpy().astype(np.float64) / 255, channel_axis=1)))


def colour_counts(colour: Tensor) -> Tensor:
    """Pixels (B, 3, BINS) int64 of each image in equal bins of ``RANGES``, for L, a and b; from (B, 3, H, W)."""
    edges = torch.tensor(list(RANGES.values()), dtype=torch.float64)
    low, high = edges[:, 0, None], edges[:, 1, None]
    place = ((colour.flatten(2) - low) / (high - low) * BINS).long().clamp_(0, BINS - 1)
    return torch.zeros(*place.shape[:2], BINS, dtype=torch.int64).scatter_add_(2, place, torch.ones_like(place))


def colour_moments(colour: Tensor) -> Tensor:
    """Number of pixels, sum, and sum of squares (B, 3, 3) float64 of each image's L, a and b; from (B, 3, H, W)."""
    value = colour.flatten(2).double()
    return torch.stack([torch.ones_like(value).sum(2), value.sum(2), value.square().sum(2)], 2)


def intersection(p: Tensor, q: Tensor) -> Tensor:
    """The intersection (...) of two histograms (..., bins), normalised to sum 1: 1 if equal, 0 if disjoint."""
    p, q = (counts.double() / counts.double().sum(-1, keepdim=True) for counts in (p, q))
    return torch.minimum(p, q).sum(-1)


def spread(moments: Tensor) -> Tensor:
    """The standard deviation (...) over all pixels, from :func:`colour_moments` or sums of them (..., 3)."""
    count, total, squares = moments.unbind(-1)
    return (squares / count - (total / count).square()).clamp(min=0).sqrt()
