"""The records that pass between data, papers and callbacks, and how images and labels are stored in them.

Inside a paper images are floats in [-1, 1]; in memory and on their way to the device they are uint8.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from lightning_cgan.errors import UserError


class ImageSpec(NamedTuple):
    """The shape of a data set, known before any image is read."""

    channels: int
    size: int
    num_classes: int = 0  # 0: the data set has no labels


class PairSpec(NamedTuple):
    """The shape of a data set of two domains, a and b, known before any image is read. Papers translate a to b."""

    channels_a: int
    channels_b: int
    size: int  # of the training images of b, which are square; images to be translated may be larger, and oblong
    scale: int = 1  # the sides of b over those of a: more than 1 in super-resolution
    reversed: bool = False  # whether a is what the set itself calls b, and b what it calls a

    @property
    def num_classes(self) -> int:
        """None: nothing is asked for by a class."""
        return 0

    def back(self) -> "PairSpec":
        """Of b to a."""
        return PairSpec(self.channels_b, self.channels_a, self.size, reversed=not self.reversed)


class Labelled(NamedTuple):
    """A training batch. Its first axis counts the critic updates that share one generator update."""

    image: Tensor  # (n, B, C, H, W), uint8 in memory, [-1, 1] on the device
    label: Tensor  # (n, B) int64


class PartlyLabelled(NamedTuple):
    """A training batch for learning from few labels: the labelled images, and images whose labels are not known."""

    image: Tensor  # (n, B, C, H, W)
    label: Tensor  # (n, B) int64
    unlabelled: Tensor  # (n, 2, B, C, H, W), one batch for each network's loss


class Paired(NamedTuple):
    """A batch of two domains: image i of b is what image i of a should become. To evaluate, without the first axis."""

    a: Tensor  # (n, B, C, H, W); of super-resolution the low resolution (n, B, C, h, w)
    b: Tensor  # (n, B, C, H, W)


class Unpaired(NamedTuple):
    """A batch of two domains; nothing relates image i of one to image i of the other. To evaluate, without the first
    axis; there may then be more images of one domain than of the other."""

    a: Tensor  # (n, B, C, H, W)
    b: Tensor  # (n, B, C, H, W)


class SourceImages(NamedTuple):
    """Images that ``predict`` is asked to translate."""

    image: Tensor  # (B, C, H, W)
    name: list[str]  # of each: its number in the set, or its file without the ending


class LatentBatch(NamedTuple):
    """Images to be generated. ``noise_id`` keys the noise, so every process draws the same image for it."""

    label: Tensor  # (K,) int64; or (K, num_classes) float32, weights of the classes, on a path from one to another
    noise_id: Tensor  # (K,) int64


class EvalBatch(NamedTuple):
    """An evaluation batch: real images, and the draws that are set against them. Either may be empty."""

    image: Tensor  # (B, C, H, W)
    label: Tensor  # (B,) int64
    draws: LatentBatch


class EvalOutput(NamedTuple):
    """What every ``validation_step`` and ``test_step`` returns, and all that a callback may see."""

    real: Tensor  # (B, C, H, W) in [-1, 1]
    fake: Tensor  # (K, C, H, W) in [-1, 1]
    fake_label: Tensor | None = None  # (K,) int64, the class that was asked of each fake; of a morph, its path's number
    source: Tensor | None = None  # (K, C, h, w) in [-1, 1], what a translation started from
    target: Tensor | None = None  # (B,) int64, the class of each real image; float32 where it is a quantity
    prediction: Tensor | None = None  # (B,), what the model itself says of each real image
    reconstruction: Tensor | None = None  # (K, C, H, W) in [-1, 1], the source again, translated there and back
    reverse: "EvalOutput | None" = None  # the other direction, of a paper that learns both


class UnlabelledImages(NamedTuple):
    """Images whose class ``predict`` is asked for."""

    image: Tensor  # (B, C, H, W)
    name: list[str]  # of each: its number in the set, or its file


class ClassPrediction(NamedTuple):
    """What a ``predict_step`` that classifies returns."""

    name: list[str]  # of each image
    label: Tensor  # (B,) int64, the class decided on
    probability: Tensor  # (B,) of that class


class Mixture(NamedTuple):
    """Gaussians of equal weight in the plane: a distribution whose modes are known."""

    centre: Tensor  # (K, 2)
    std: float  # along each axis
    extent: float  # half the side of the square that pictures of it show


class Reference(NamedTuple):
    """Which real images a score was measured against. The data module says it, the evaluation card records it."""

    split: str
    images: int
    sha256: str


def blended(pair: Tensor, share: Tensor, num_classes: int) -> Tensor:
    """Weights (K, num_classes) of classes: ``1 - share`` on the first of each ``pair`` (K, 2), ``share`` on the second.

    A share of exactly 0 or 1 is one of the two classes and nothing else.
    """
    first, second = one_hot(pair, num_classes).float().unbind(1)
    return first * (1 - share[:, None]) + second * share[:, None]


def to_signed(image: Tensor) -> Tensor:
    """uint8 in [0, 255] to float32 in [-1, 1]."""
    return image.float().div_(127.5).sub_(1)


def to_bytes(image: Tensor) -> Tensor:
    """Floats in [-1, 1] to uint8 in [0, 255], rounded and clipped; the inverse of :func:`to_signed`."""
    return image.float().add(1).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)


def class_labels(label: int | Sequence[int] | Tensor | None, count: int, num_classes: int) -> Tensor:
    """``label`` as (count,) int64: one class for all, or one for each image, or None to go round the classes.

    Raises:
        UserError: for classes that do not exist, or another number of labels than images.
    """
    if label is None:
        return torch.arange(count) % max(num_classes, 1)
    if not num_classes:
        raise UserError(f"A model without classes draws whatever comes; met label {label}. Leave out label.")
    if isinstance(label, str) or (isinstance(label, Sequence) and any(isinstance(one, str) for one in label)):
        raise UserError(
            "Labels are numbers, counted from 0 in the order of the classes' names; a model does not know the names; "
            f"got {label!r}. Set label."
        )
    labels = torch.as_tensor(label, dtype=torch.int64).cpu()
    labels = labels.expand(count) if labels.ndim == 0 else labels
    if labels.shape != (count,) or (count and (labels.min() < 0 or labels.max() >= num_classes)):
        raise UserError(
            f"Labels are one class, or one for each of {count} images, from 0 to {num_classes - 1}; "
            f"met {labels.tolist()}. Set label."
        )
    return labels
