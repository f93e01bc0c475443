"""Standard errors of scores: the delete-a-group jackknife. Kott 2001, "The delete-a-group jackknife".

A score is computed as a tensor of 1 + G values: of all generated images, then without each of G groups of them.
"""

import torch
from torch import Tensor

GROUPS = 10


def groups_of(label: Tensor) -> Tensor:
    """The group (K,) of each generated image, so that each group holds its share of every class.

    Image i of a class is in group i modulo 10, counted on from class to class. Labels that are asked for go round the
    classes, so that i modulo 10 over all images would leave out a whole class of ten with each group.

    Args:
        label: (K,) int64, equal where there are none.
    """
    group = torch.empty_like(label)
    group[label.argsort(stable=True)] = torch.arange(len(label)) % GROUPS
    return group


def kept(groups: int) -> Tensor:
    """Weights (1 + G, G) of the groups: all of them, then each one left out. A single group is not left out."""
    whole = torch.ones(1, groups, dtype=torch.float64)
    return torch.cat([whole, 1 - torch.eye(groups, dtype=torch.float64)]) if groups > 1 else whole


def by_group(values: Tensor, group: Tensor, groups: int) -> Tensor:
    """Sums (G,) or (G, F) in double precision of ``values`` (K,) or (K, F) inside each group."""
    chosen = (torch.arange(groups)[:, None] == group).double()
    return chosen @ values.double()


def means(values: Tensor, group: Tensor, groups: int) -> Tensor:
    """The mean (1 + G,) of ``values`` (K,), whole and without each group."""
    weight = kept(groups)
    return (weight @ by_group(values, group, groups)) / (weight @ by_group(torch.ones_like(values), group, groups))


def standard_error(score: Tensor) -> float:
    """Of a score (1 + G,); NaN where fewer than two groups could be left out."""
    apart = score[1:].double()
    if len(apart) < 2:
        return float("nan")
    return ((len(apart) - 1) * apart.var(correction=0)).sqrt().item()
