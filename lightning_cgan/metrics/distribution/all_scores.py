"""All distribution scores of an evaluation with their standard errors, from features computed once per image."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor

from lightning_cgan.errors import UserError
from lightning_cgan.metrics.distribution.feature_store import FeatureAccumulator, GatheredFeatures
from lightning_cgan.metrics.distribution.fid import frechet_distance, frechet_distances
from lightning_cgan.metrics.distribution.inception_score import inception_score, inception_scores
from lightning_cgan.metrics.distribution.intra_class_fid import intra_class_fid
from lightning_cgan.metrics.distribution.kid_prdc import compared, kid, neighbourhood_scores, subset_kid
from lightning_cgan.metrics.distribution.memorisation import Neighbours, memorisation, nearest_neighbours
from lightning_cgan.metrics.distribution.pairwise_blocks import BLOCK
from lightning_cgan.metrics.distribution.requirements import enough, images_needed, notes_on
from lightning_cgan.metrics.jackknife import GROUPS, groups_of, kept, means, standard_error
from lightning_cgan.protocol import Convention, Protocol

__all__ = ["FeatureAccumulator", "GatheredFeatures", "ScoreResult", "all_scores", "frechet_distance", "inception_score"]


class ScoreResult(NamedTuple):
    """The scores of one evaluation."""

    value: dict[str, float]  # by name; NaN if it could not be computed
    error: dict[str, float]  # standard error of each; NaN if unknown
    notes: list[str]  # sentences for the reader of the scores
    classes: dict[int, dict[str, float]] | None = None  # by label "fid", "accuracy", "reals", "fakes", if requested
    worst_class: int | None = None
    neighbours: Neighbours | None = None  # of each generated image among the training images, if these are given


class Settings(NamedTuple):
    """The common settings of the scores."""

    convention: Convention
    group: Tensor  # (K,) of each generated image
    groups: int  # 1: no standard errors
    block: int
    device: torch.device  # of tiles

    @property
    def exact(self) -> torch.device:
        """The device for double precision."""
        return self.device if self.device.type == "cuda" else torch.device("cpu")


def settings_for(
    features: GatheredFeatures, convention: Convention, errors: bool, block: int, device: torch.device
) -> Settings:
    """The settings, with jackknife groups of generated images if ``errors`` are requested."""
    generated = len(features.fake)
    groups = max(1, min(GROUPS, generated)) if errors else 1
    group = groups_of(features.label) if errors else torch.zeros(generated, dtype=torch.int64)
    return Settings(convention, group, groups, block, device)


def all_scores(
    features: GatheredFeatures,
    knows_labels: bool,
    convention: Convention = Protocol.OWN.value,
    errors: bool = True,
    intra: bool = False,
    block: int = BLOCK,
    device: torch.device | str = "cpu",
) -> ScoreResult:
    """All scores that can be computed from ``seen``, with standard errors over the choice of generated images.

    "fid", "kid", "is_mean", "is_std", "precision", "recall", "density", "coverage"; by a classifier of the set
    "min_class_share", the share of generated images in their rarest class, and "accuracy", in the requested class; with
    training images "memorised", "train_distance", "train_distance_real"; with ``intra`` "intra_fid", "intra_fid_worst";
    "classification_accuracy" of real images if the model classifies, alone if it generates nothing.

    Standard errors are those of a jackknife over ten groups of generated images; the real images are fixed.

    Args:
        seen: the features of one evaluation.
        knows_labels: whether the logits are of the data set's own classes.
        convention: the constants of the scores.
        errors: whether to compute standard errors.
        intra: whether to compute scores inside each class, which takes the time of one FID per class.
        block: pairs of images that are compared at a time; a number takes about 16 bytes.
        device: where products of features are computed.

    If memory runs out while pairs are compared, those scores are NaN and a note names the key to lower.
    """
    settings = settings_for(features, convention, errors, block, torch.device(device))
    scores = classification(features, errors)
    if scores and not len(features.fake):
        return finished(scores, [])
    needed = images_needed(features, knows_labels, intra, convention)
    usable = {name for name, least in needed.items() if enough(features, *least)}
    scores |= {name: torch.tensor([torch.nan]) for name in needed}
    notes = notes_on(features, needed)
    for part in (of_moments, of_pairs, of_logits):
        with noted(notes):
            scores |= {name: value for name, value in part(features, settings, usable).items() if name in usable}
    result = finished(scores, notes)
    if "memorised" in usable:
        with noted(notes):
            result = with_memorisation(result, features, settings)
    return with_classes(result, features, settings, knows_labels) if "intra_fid" in usable else result


@contextmanager
def noted(notes: list[str]) -> Iterator[None]:
    """Turns the error of a score that cannot be computed into a note; the other scores are still computed."""
    try:
        yield
    except UserError as error:
        notes.append(str(error))


def finished(scores: dict[str, Tensor], notes: list[str]) -> ScoreResult:
    """A result of scores (1 + G,) with their standard errors."""
    value = {name: score[0].item() for name, score in scores.items()}
    return ScoreResult(value, {name: standard_error(score) for name, score in scores.items()}, notes)


def joined(result: ScoreResult, scores: dict[str, Tensor]) -> ScoreResult:
    more = finished(scores, [])
    return result._replace(value=result.value | more.value, error=result.error | more.error)


def of_moments(features: GatheredFeatures, settings: Settings, usable: set[str]) -> dict[str, Tensor]:
    if "fid" not in usable:
        return {}
    return {"fid": frechet_distances(features.real, features.fake, settings.group, settings.groups, settings.exact)}


def of_pairs(features: GatheredFeatures, settings: Settings, usable: set[str]) -> dict[str, Tensor]:
    """KID, precision, recall, density and coverage."""
    if not usable & {"kid", "precision", "recall", "density", "coverage"}:
        return {}
    convention = settings.convention
    neighbours = convention.neighbours, convention.density_neighbours
    place = settings.block, settings.device
    pairs = compared(features.real, features.fake, settings.group, settings.groups, *neighbours, *place)
    distance = kid(pairs)
    if convention.kid_subsets and "kid" in usable:  # the error stays that of the estimate over all pairs
        distance[0] = subset_kid(
            features.real, features.fake, convention.kid_subsets, convention.kid_subset_size, *place
        )
    return {"kid": distance} | neighbourhood_scores(pairs, convention.density_neighbours)


def of_logits(features: GatheredFeatures, settings: Settings, usable: set[str]) -> dict[str, Tensor]:
    """The Inception Score, and label accuracy and smallest class share by a classifier of the data set."""
    group, groups = settings.group, settings.groups
    scores: dict[str, Tensor] = {}
    if "is_mean" in usable:
        mean, std = inception_scores(features.logits, group, groups, settings.convention.inception_splits)
        scores |= {"is_mean": mean, "is_std": std}
    found = features.logits.argmax(1) if usable & {"min_class_share", "accuracy"} else features.label
    if "min_class_share" in usable:
        scores["min_class_share"] = min_class_share(found, features.logits.shape[1], group, groups)
    if "accuracy" in usable:
        scores["accuracy"] = means(found == features.label, group, groups)
    return scores


def min_class_share(found: Tensor, classes: int, group: Tensor, groups: int) -> Tensor:
    """The share (1 + G,) of images in their rarest class; 1 / classes where all are equal."""
    cells = (group * classes + found).bincount(minlength=groups * classes).view(groups, classes)
    counts = kept(groups) @ cells.double()
    return counts.amin(1) / counts.sum(1)


def classification(features: GatheredFeatures, errors: bool) -> dict[str, Tensor]:
    """The share of real images that the model itself classifies correctly, if it classifies."""
    count = len(features.hits)
    groups = min(GROUPS, count) if errors else 1
    return {"classification_accuracy": means(features.hits, torch.arange(count) % groups, groups)} if count else {}


def with_memorisation(result: ScoreResult, features: GatheredFeatures, settings: Settings) -> ScoreResult:
    """``result`` with the distances to the training images."""
    assert features.train is not None
    fake, real = (
        nearest_neighbours(f, features.train, settings.block, settings.device) for f in (features.fake, features.real)
    )
    scores = memorisation(fake, real, settings.group, settings.groups)
    return joined(result, scores)._replace(neighbours=fake)


def with_classes(
    result: ScoreResult, features: GatheredFeatures, settings: Settings, knows_labels: bool
) -> ScoreResult:
    """``result`` with the scores inside each class."""
    inside = intra_class_fid(features, knows_labels, settings.group, settings.groups, settings.exact)
    result = joined(result, {"intra_fid": inside.mean, "intra_fid_worst": inside.worst})
    if inside.worst_class is None:
        result.notes.append("intra_fid: no class has two real and two generated images of known label.")
    return result._replace(classes=inside.classes, worst_class=inside.worst_class)
