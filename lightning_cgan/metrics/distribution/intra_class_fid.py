"""FID inside each class, which detects wrong labels and classes without variety."""

from typing import NamedTuple

import torch
from torch import Tensor

from lightning_cgan.metrics.distribution.feature_store import GatheredFeatures
from lightning_cgan.metrics.distribution.fid import frechet_distances


class IntraClass(NamedTuple):
    """Scores inside each class."""

    classes: dict[int, dict[str, float]]  # by label "fid", "accuracy" (NaN if unknown), "reals", "fakes"
    mean: Tensor  # (1 + G,) of the FIDs, whole and without each group of generated images
    worst: Tensor  # (1 + G,) the largest
    worst_class: int | None


def intra_class_fid(
    features: GatheredFeatures, knows_labels: bool, group: Tensor, groups: int, device: torch.device | str = "cpu"
) -> IntraClass:
    """FID between all real images of a class and all images generated for it. Miyato & Koyama 2018, Section 4.

    With fewer images than features the covariance is rank-deficient and the distances are biased high: the paper has
    1,300 real images per class and 2,048 features, the digits have 50 and 128. Compare only models scored on the same
    images and numbers of images. Classes with fewer than two real or generated images have no FID.

    Args:
        seen: an evaluation; real images of label -1 belong to no class.
        knows_labels: whether the logits are of the data set's classes, so that label accuracy can be computed.
        group: (K,) of each generated image.
        groups: their number G; 1 leaves none out.
        device: where products of matrices are computed, in float64.
    """
    classes, distance = {}, {}
    right = features.logits.argmax(1) == features.label if knows_labels else features.label < 0
    for label in sorted({*features.target.tolist(), *features.label.tolist()} - {-1}):
        reals, fakes = features.target == label, features.label == label
        real, fake = features.real[reals], features.fake[fakes]
        if min(len(real), len(fake)) > 1:
            distance[label] = frechet_distances(real, fake, group[fakes], groups, device)
        fid = distance[label][0].item() if label in distance else float("nan")
        accuracy = right[fakes].double().mean().item() if knows_labels else float("nan")
        classes[label] = {"fid": fid, "accuracy": accuracy, "reals": len(real), "fakes": len(fake)}
    if not distance:
        return IntraClass(classes, torch.tensor([torch.nan]), torch.tensor([torch.nan]), None)
    table = torch.stack(list(distance.values()))
    worst_class = max(distance, key=lambda label: distance[label][0].item())
    return IntraClass(classes, table.mean(0), table.amax(0), worst_class)
