"""Which images of a training set are held out, the same in every run."""

from collections.abc import Sequence

import torch
from sklearn.model_selection import train_test_split
from torch import Tensor


def held_out(label: Tensor, share: float = 0.02) -> dict[str, list[int]]:
    """The fixed, stratified places in a training set that are trained on, and those that select checkpoints."""
    count = max(round(share * len(label)), len(label.unique()))
    train, val = train_test_split(range(len(label)), test_size=count, random_state=0, stratify=label)
    return {"train": sorted(train), "val": sorted(val)}


def shared_out(label: Tensor, splits: Sequence[str], share: float) -> dict[str, list[int]]:
    """``share`` of each class, at least one image, for each of ``splits``, and the rest for "train".

    Args:
        label: (N,) with more than ``len(splits)`` images of each class that occurs.
        splits: at most two.
        share: at most 1/3.
    """
    places: dict[str, list[int]] = {name: [] for name in (*splits, "train")}
    draw = torch.Generator().manual_seed(0)
    for one in label.unique():
        mine = (label == one).nonzero().flatten()
        mine = mine[torch.randperm(len(mine), generator=draw)].tolist()
        part = max(1, round(share * len(mine)))
        for name in splits:
            places[name] += mine[:part]
            mine = mine[part:]
        places["train"] += mine
    return {name: sorted(place) for name, place in places.items()}
