"""Requirements of the scores: notes on too few images, NaN or infinity, and images that are all equal."""

import torch

from lightning_cgan.metrics.distribution.feature_store import GatheredFeatures
from lightning_cgan.metrics.distribution.fid import chunks
from lightning_cgan.protocol import Convention

ALIKE = 1e-4  # largest difference of features, relative to the largest feature, between images that look the same


def images_needed(
    features: GatheredFeatures, knows_labels: bool, intra: bool, convention: Convention
) -> dict[str, tuple[int, int]]:
    """The least numbers of real and generated images of each requested score."""
    splits, k, dense = convention.inception_splits, convention.neighbours + 1, convention.density_neighbours + 1
    subset = convention.kid_subset_size if convention.kid_subsets else 2
    least = {"fid": (2, 2), "kid": (subset, subset)}
    if features.logits.shape[1]:
        least |= {"is_mean": (0, splits), "is_std": (0, splits)}
    least |= {"precision": (k, 2), "recall": (2, k), "density": (dense, 2), "coverage": (dense, 2)}
    if knows_labels:
        least["min_class_share"] = (0, 1)
    if knows_labels and bool((features.label >= 0).all()):
        least["accuracy"] = (0, 1)
    if features.train is not None and len(features.train):
        least |= dict.fromkeys(("memorised", "train_distance", "train_distance_real"), (1, 1))
    return least | dict.fromkeys(("intra_fid", "intra_fid_worst"), (2, 2)) if intra else least


def enough(features: GatheredFeatures, reals: int, fakes: int) -> bool:
    """Whether there are enough images, all without NaN and infinity."""
    return features.finite and len(features.real) >= reals and len(features.fake) >= fakes


def notes_on(features: GatheredFeatures, needed: dict[str, tuple[int, int]]) -> list[str]:
    """Notes on scores that are missing or unreliable."""
    reals, fakes, width = len(features.real), len(features.fake), features.real.shape[1]
    if not features.finite:
        return [f"{', '.join(needed)}: generated images hold NaN or infinity; nothing was scored."]
    notes = []
    for least in dict.fromkeys(needed.values()):
        names = [name for name, numbers in needed.items() if numbers == least]
        if not enough(features, *least):
            notes.append(f"{', '.join(names)}: {lacking(least, (reals, fakes))}.")
    if enough(features, 2, 2) and min(reals, fakes) <= width:
        notes.append(
            f"fid: with {width} features it needs more than {width} real and {width} generated images, or it is biased "
            f"high; there are {reals} and {fakes}. Compare it only with FIDs of as many images."
        )
    if fakes > 1 and alike(features):
        notes.append(f"All {fakes} generated images look the same to the extractor: the generator has one image.")
    return notes


def lacking(least: tuple[int, int], there: tuple[int, int]) -> str:
    """ "at least 10 generated images are needed; there are 3", for the kinds of images of which there are too few."""
    short = [place for place in (0, 1) if there[place] < least[place]]
    kinds = " and ".join(f"{least[place]} {('real', 'generated')[place]}" for place in short)
    return f"at least {kinds} images are needed; there are {' and '.join(str(there[place]) for place in short)}"


def alike(features: GatheredFeatures) -> bool:
    """Whether the features of all generated images are equal up to rounding."""
    first, largest = features.fake[:1], features.fake.abs().max().clamp(min=torch.finfo(torch.float32).tiny)
    return all(bool((part - first).abs().max() <= ALIKE * largest) for part in chunks(features.fake))
