"""Scores of how well a translation preserves views, from the azimuths before and after. Kim et al. 2017."""

import math

import torch
from torch import Tensor

from lightning_cgan.metrics.jackknife import GROUPS, groups_of, standard_error

VIEWS = 11
STEP = 15.0  # degrees between neighbours; the middle one is at 0
MOST_BITS = math.log2(VIEWS)


def view_of(azimuth: Tensor) -> Tensor:
    """The nearest (N,) of the eleven views, 0 to 10, of azimuths (N,) in degrees."""
    return (azimuth / STEP).round().clamp(-(VIEWS // 2), VIEWS // 2).long() + VIEWS // 2


def view_scores(source: Tensor, fake: Tensor) -> dict[str, float]:
    """Scores of the azimuths (N,) in degrees of ``source`` images and of their translations ``fake``.

    Returns:
        "views": the number of different views that the source views are mostly mapped to; eleven is a one-to-one
        relation, even if it is scrambled; "view_bits": the mutual information between the views before and after, from
        their counts, at most log2 11 = 3.46 bit (overestimated for few images); "azimuth_rmse": in degrees, the error
        of the best line of slope 1 or -1, because a relation may be mirrored and offset. It is not sufficient alone: a
        scrambled one-to-one relation scores as badly as a collapse.
    """
    counts = torch.zeros(VIEWS, VIEWS, dtype=torch.float64)
    ends = view_of(source.cpu()), view_of(fake.cpu())
    counts.index_put_(ends, torch.ones(len(source), dtype=torch.float64), accumulate=True)
    present = counts.sum(1) > 0
    return {
        "views": float(len(counts[present].argmax(1).unique())),
        "view_bits": mutual_information(counts),
        "azimuth_rmse": azimuth_rmse(source.cpu().double(), fake.cpu().double()),
    }


def mutual_information(counts: Tensor) -> float:
    """The mutual information in bits of a table of counts (R, C); NaN for an empty table."""
    together = counts.double() / counts.sum()
    apart = together.sum(1, keepdim=True) * together.sum(0, keepdim=True)
    information = torch.where(together > 0, together * (together / apart).log2(), 0.0 * together).sum().item()
    return max(information, 0.0) if information == information else math.nan


def azimuth_rmse(source: Tensor, fake: Tensor) -> float:
    """The minimum over sign and offset of the root mean square of fake - (± source + offset)."""
    if not len(source):
        return math.nan
    return min((fake - sign * source).var(correction=0).sqrt().item() for sign in (1, -1))


def view_errors(source: Tensor, fake: Tensor) -> dict[str, float]:
    """The standard error of each of the :func:`view_scores`, where there are enough images for a jackknife."""
    if len(source) < 2 * GROUPS:
        return {}
    group = groups_of(view_of(source.cpu()))
    kept = [torch.ones(len(source), dtype=torch.bool), *(group != left_out for left_out in range(GROUPS))]
    apart = [view_scores(source.cpu()[here], fake.cpu()[here]) for here in kept]
    return {name: standard_error(torch.tensor([scores[name] for scores in apart])) for name in apart[0]}
