"""Pixel accuracy, class accuracy and IoU from one confusion matrix over all images. Long et al. 2015, Section 5.

Isola et al. 2017 use these scores for images generated from label maps and for label maps generated from images.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torchmetrics.functional.classification import multiclass_confusion_matrix

from lightning_cgan.metrics.jackknife import GROUPS

IGNORED = -1


def confusion(prediction: Tensor, truth: Tensor, classes: int, ignored: Sequence[int] = ()) -> Tensor:
    """Pixel counts (B, classes, classes) int64 of each image by true class (rows) and predicted class (columns).

    Args:
        prediction: (B, H, W) int64, from 0 to ``classes`` - 1.
        truth: (B, H, W) int64; pixels outside this range, or of ``ignored`` classes, are left out.
        classes: the number of classes.
        ignored: classes of the truth that are not scored.
    """
    left_out = (truth < 0) | (truth >= classes) | torch.isin(truth, torch.tensor(ignored, device=truth.device))
    truth = truth.masked_fill(left_out, IGNORED)
    matrices = [
        multiclass_confusion_matrix(*pair, classes, ignore_index=IGNORED, validate_args=False)
        for pair in zip(prediction, truth, strict=True)
    ]
    return torch.stack(matrices) if matrices else prediction.new_zeros(0, classes, classes)


def segmentation_scores(matrix: Tensor) -> dict[str, Tensor]:
    """Scores (...) in [0, 1] of confusion matrices (..., K, K), float64; NaN where no pixel is scored.

    "accuracy": the share of correctly predicted pixels. "class_accuracy": the same inside each class, mean over the
    classes of the truth. "iou": intersection over union of each class, mean over the classes of the truth or the
    prediction. The code of Isola et al. counts absent classes as 0; if all classes occur, the numbers agree.
    """
    matrix = matrix.double()
    right, true, predicted = matrix.diagonal(dim1=-2, dim2=-1), matrix.sum(-1), matrix.sum(-2)
    return {
        "accuracy": right.sum(-1) / true.sum(-1),
        "class_accuracy": (right / true).nanmean(-1),
        "iou": (right / (true + predicted - right)).nanmean(-1),
    }


def by_group(values: Tensor, group: Tensor) -> Tensor:
    """Sums (GROUPS, ...) of ``values`` (B, ...) of images inside each group (B,)."""
    sums = values.new_zeros(GROUPS, *values.shape[1:])
    return sums.index_add_(0, group, values)


def leaving_out(sums: Tensor) -> Tensor:
    """Sums (1 + G, ...) over all groups, then without each of the G groups that are not empty, from (GROUPS, ...)."""
    held = sums[sums.flatten(1).ne(0).any(1)]
    whole = held.sum(0, keepdim=True)
    return torch.cat([whole, whole - held]) if len(held) > 1 else whole
