"""Which images of a training set are held out, the same in every run."""

import hashlib
import os
import unicodedata
from collections.abc import Sequence

from sklearn.model_selection import train_test_split
from torch import Tensor

STEPS = 2**64


def held_out(label: Tensor, share: float = 0.02) -> dict[str, list[int]]:
    """The fixed, stratified places in a published training set that are trained on, and those that select checkpoints.

    They depend on how many images there are: for sets of files, which come and go, there is :func:`held_out_by_name`.
    """
    count = max(round(share * len(label)), len(label.unique()))
    train, val = train_test_split(range(len(label)), test_size=count, random_state=0, stratify=label)
    return {"train": sorted(train), "val": sorted(val)}


def number_of(name: str, purpose: str) -> float:
    """From 0 to 1, uniform over names, the same in every run and on every machine.

    Args:
        name: of an image within its set; however its accents are encoded, it is one name.
        purpose: numbers for other ends are independent.
    """
    said = os.fsencode(f"{purpose}/{unicodedata.normalize('NFC', name)}")
    return int.from_bytes(hashlib.blake2b(said, digest_size=8).digest(), "big") / STEPS


def in_order_of_numbers(names: Sequence[str], places: Sequence[int], purpose: str) -> list[int]:
    """``places`` in ``names`` in the order of the names' numbers."""
    return sorted(places, key=lambda place: (number_of(names[place], purpose), names[place]))


def held_out_by_name(names: Sequence[str], label: Tensor, splits: Sequence[str], share: float) -> dict[str, list[int]]:
    """The places of the images for each of ``splits``, and those for "train": each image has its own by its name.

    A name's number, from 0 to 1, decides: "test" has those below ``share``, "val" those from ``1 - share`` on. So an
    image stays where it is when others come or go, and which other split has a folder makes no difference. Every class
    gives one image at least to each: where no number falls below ``share``, the lowest is taken, where none lies above,
    the highest, and where nothing would be left to train on, the one of the larger split that is nearest to the others.

    So another image that comes can only move one from "val" or "test" to "train", never the other way. One that goes
    can move an image that was trained on into "val" or "test" if it was the only one there of its class; and in a class
    of which nothing would be left to train on, another image that comes sets the one that was left free again.

    Args:
        names: (N) of the images within the set.
        label: (N,) with more than ``len(splits)`` images of each class that occurs.
        splits: "test", "val" or both.
        share: expected of each class for each of ``splits``, at most 1/3; 1/2 where there is one.
    """
    places: dict[str, list[int]] = {name: [] for name in (*splits, "train")}
    for one in label.unique():
        mine = in_order_of_numbers(names, (label == one).nonzero().flatten().tolist(), "held out")
        numbers = [number_of(names[place], "held out") for place in mine]
        low = max(sum(number < share for number in numbers), 1) * ("test" in splits)
        high = max(sum(number >= 1 - share for number in numbers), 1) * ("val" in splits)
        while low + high >= len(mine):
            low, high = (low - 1, high) if low >= high else (low, high - 1)
        parts = {"test": mine[:low], "train": mine[low : len(mine) - high], "val": mine[len(mine) - high :]}
        for split in places:
            places[split] += parts[split]
    return {split: sorted(place) for split, place in places.items()}
