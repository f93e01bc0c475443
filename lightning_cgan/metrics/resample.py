"""How far a score would move with other generated images: the delete-a-group jackknife."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from lightning_cgan import keyed

GROUPS = 10


def groups(images: int) -> Tensor:
    """(images,) the group of each, drawn once and for all; sizes differ by one at most.

    Drawn, because the classes that are asked for go round: every tenth image would be a class of its own.
    """
    return torch.randperm(images, generator=keyed.generator("jackknife", images, seed=0)) % GROUPS


def jackknife(without: Sequence[float]) -> float:
    """The standard error of a score, from its values ``without`` each of the groups in turn. Wolter 2007, Chapter 4.

    NaN if one of them is.
    """
    mean = sum(without) / len(without)
    spread = sum((value - mean) ** 2 for value in without)
    return math.sqrt((len(without) - 1) / len(without) * spread)
