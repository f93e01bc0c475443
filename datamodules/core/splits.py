"""Splits of a training set into training and held-out images, the same in every run."""

import hashlib
import os
import unicodedata
from collections.abc import Sequence

from torch import Tensor

STEPS = 2**64


def held_out(label: Tensor, share: float = 0.02) -> dict[str, list[int]]:
    """A fixed, stratified split of a published training set.

    It depends on the number of images; for sets of files, which may change, use :func:`held_out_by_name`.

    Returns:
        Sorted indices: "train" to train on, "val" to select checkpoints by.
    """
    from sklearn.model_selection import train_test_split  # here, because it takes a second to import

    count = max(round(share * len(label)), len(label.unique()))
    train, val = train_test_split(range(len(label)), test_size=count, random_state=0, stratify=label)
    return {"train": sorted(train), "val": sorted(val)}


def number_of(name: str, purpose: str) -> float:
    """A hash of ``name`` as a number in [0, 1), the same in every run and on every machine.

    Args:
        name: of an image within its set; Unicode normalisation makes all encodings of accents equal.
        purpose: hashes for different purposes are independent.
    """
    data = os.fsencode(f"{purpose}/{unicodedata.normalize('NFC', name)}")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big") / STEPS


def in_order_of_numbers(names: Sequence[str], indices: Sequence[int], purpose: str) -> list[int]:
    """``indices`` into ``names``, sorted by :func:`number_of` each name."""
    return sorted(indices, key=lambda index: (number_of(names[index], purpose), names[index]))


def held_out_by_name(names: Sequence[str], label: Tensor, splits: Sequence[str], share: float) -> dict[str, list[int]]:
    """Sorted indices of the images of each of ``splits`` and of "train"; the name of an image decides its split.

    :func:`number_of` the name, in [0, 1), is compared: "test" has the images below ``share``, "val" those from
    ``1 - share`` on. An image therefore stays in its split when others are added or removed, whichever splits have
    folders. Each class gives at least one image to each split: if no number is below ``share``, the image with the
    lowest is taken; if none is above ``1 - share``, that with the highest; if none would be left to train on, the
    larger split gives up the image nearest to the training images.

    Adding an image can therefore only move another from "val" or "test" to "train". Removing one can move a training
    image into "val" or "test" if it was the only one there of its class; and in a class of which none would be left to
    train on, adding an image returns the one that was given up.

    Args:
        names: (N) of the images within the set.
        label: (N,) with more than ``len(splits)`` images of each class that occurs.
        splits: "test", "val" or both.
        share: expected of each class for each of ``splits``, at most 1/3; 1/2 where there is one.
    """
    indices: dict[str, list[int]] = {name: [] for name in (*splits, "train")}
    for one in label.unique():
        mine = in_order_of_numbers(names, (label == one).nonzero().flatten().tolist(), "held out")
        numbers = [number_of(names[index], "held out") for index in mine]
        low = max(sum(number < share for number in numbers), 1) * ("test" in splits)
        high = max(sum(number >= 1 - share for number in numbers), 1) * ("val" in splits)
        while low + high >= len(mine):
            low, high = (low - 1, high) if low >= high else (low, high - 1)
        parts = {"test": mine[:low], "train": mine[low : len(mine) - high], "val": mine[len(mine) - high :]}
        for split in indices:
            indices[split] += parts[split]
    return {split: sorted(index) for split, index in indices.items()}
