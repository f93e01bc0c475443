"""Standard errors of scores: the delete-a-group jackknife. Kott 2001, "The delete-a-group jackknife".

A score is computed as a tensor of 1 + G values: of all generated images, then without each of G groups of them.
"""

import torch
from torch import Tensor

GROUPS = 10


def groups_of(label: Tensor) -> Tensor:
    """The group (K,) of each generated image, stratified by class.

    Images are sorted by class, and image i is in group i modulo 10. Without sorting, requested labels that cycle
    through ten classes would make each group a whole class.

    Args:
        label: (K,) int64, all equal without labels.
    """
    group = torch.empty_like(label)
    group[label.argsort(stable=True)] = torch.arange(len(label)) % GROUPS
    return group


def kept(groups: int) -> Tensor:
    """Weights (1 + G, G) of the groups: all groups, then each one left out; (1, 1) for a single group."""
    whole = torch.ones(1, groups, dtype=torch.float64)
    return torch.cat([whole, 1 - torch.eye(groups, dtype=torch.float64)]) if groups > 1 else whole


def by_group(values: Tensor, group: Tensor, groups: int) -> Tensor:
    """Sums (G,) or (G, F) in double precision of ``values`` (K,) or (K, F) inside each group."""
    chosen = (torch.arange(groups)[:, None] == group).double()
    return chosen @ values.double()


def means(values: Tensor, group: Tensor, groups: int) -> Tensor:
    """The mean (1 + G,) of ``values`` (K,), of all groups and without each group."""
    weight = kept(groups)
    return (weight @ by_group(values, group, groups)) / (weight @ by_group(torch.ones_like(values), group, groups))


def standard_error(score: Tensor) -> float:
    """The jackknife standard error of a score (1 + G,); NaN for fewer than two groups."""
    apart = score[1:].double()
    if len(apart) < 2:
        return float("nan")
    return ((len(apart) - 1) * apart.var(correction=0)).sqrt().item()
