"""The Inception Score. Salimans et al. 2016, Section 4."""

import numpy as np
import torch
from torch import Tensor

from lightning_cgan.metrics.jackknife import by_group, kept

CHUNK = 2**22  # logits converted to double precision at a time
SHUFFLE = 2020  # torch-fidelity's seed


def inception_score(logits: Tensor, splits: int = 10) -> tuple[float, float]:
    """Mean and standard deviation over splits of exp E KL(p(y|x) || p(y)) on logits (K, C), K at least ``splits``."""
    mean, std = inception_scores(logits, torch.zeros(len(logits), dtype=torch.int64), 1, splits)
    return mean.item(), std.item()


def inception_scores(logits: Tensor, group: Tensor, groups: int, splits: int = 10) -> tuple[Tensor, Tensor]:
    """Mean and deviation over splits (1 + G,), and with each of the groups (K,) of images left out.

    The images are shuffled first, as in torch-fidelity: a split of images sorted by class would lack variety. The
    shuffle has its own random stream. NaN if a split has no images left.
    """
    count = len(logits)
    split = torch.empty(count, dtype=torch.int64)
    place = torch.from_numpy(np.random.RandomState(SHUFFLE).permutation(count))
    for number in range(splits):
        split[place[number * count // splits : (number + 1) * count // splits]] = number
    cell = split * groups + group  # sums over each split and group suffice for the score
    share, order = torch.zeros(splits * groups, logits.shape[1], dtype=torch.float64), []
    rows = max(1, CHUNK // logits.shape[1])
    for part, at in zip(logits.split(rows), cell.split(rows), strict=True):
        log = part.double().log_softmax(1)
        chance = log.exp()
        share += by_group(chance, at, splits * groups)
        order.append((chance * log).sum(1))
    weight = kept(groups).T
    ordered, images = (
        by_group(values, cell, splits * groups).view(splits, groups) @ weight
        for values in (torch.cat(order), torch.ones(count))
    )
    mean = torch.einsum("sgc,gw->swc", share.view(splits, groups, -1), weight) / images[..., None]
    score = (ordered / images - torch.xlogy(mean, mean).sum(2)).exp()
    return score.mean(0), score.std(0, correction=0)
