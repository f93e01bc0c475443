"""Specs, batches and outputs that data modules, papers and callbacks exchange, and conversions of images and labels.

Images are uint8 in memory and in transfer to the device, and float32 in [-1, 1] inside a paper.

Shapes: n critic updates in a generator update, B real images, K generated images or classes, C x H x W pixels.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from lightning_cgan.errors import UserError


class ImageSpec(NamedTuple):
    """Image shape and number of classes of a data set, known before any image is read."""

    channels: int
    size: int  # height and width in pixels
    num_classes: int = 0  # 0: the data set has no labels


class PairSpec(NamedTuple):
    """Image shapes of a data set of two domains, a and b, known before any image is read. Papers translate a to b."""

    channels_a: int
    channels_b: int
    size: int  # side of the square training images of b in pixels; images to translate may be larger and not square
    scale: int = 1  # side of b divided by side of a; above 1 in super-resolution
    reversed: bool = False  # whether a and b are swapped with respect to the data set

    @property
    def num_classes(self) -> int:
        """Always 0: translation is not conditional on classes."""
        return 0

    def back(self) -> "PairSpec":
        """The spec of the opposite direction, b to a."""
        return PairSpec(self.channels_b, self.channels_a, self.size, reversed=not self.reversed)


class Labelled(NamedTuple):
    """A training batch with labels. Axis 0 counts the critic updates that belong to one generator update."""

    image: Tensor  # (n, B, C, H, W), uint8 in memory, [-1, 1] on the device
    label: Tensor  # (n, B) int64


class PartlyLabelled(NamedTuple):
    """A semi-supervised training batch: labelled images, and images without labels."""

    image: Tensor  # (n, B, C, H, W)
    label: Tensor  # (n, B) int64
    unlabelled: Tensor  # (n, 2, B, C, H, W): a batch for the discriminator loss, and one for the generator loss


class Paired(NamedTuple):
    """A batch of image pairs: image i of b is the target for image i of a. Evaluation batches have no axis n."""

    a: Tensor  # (n, B, C, H, W); in super-resolution the low resolution (n, B, C, h, w)
    b: Tensor  # (n, B, C, H, W)


class Unpaired(NamedTuple):
    """A batch of images of two domains, not paired. Evaluation batches have no axis n, and their sizes may differ."""

    a: Tensor  # (n, B, C, H, W)
    b: Tensor  # (n, B, C, H, W)


class SourceImages(NamedTuple):
    """Images for ``predict`` to translate."""

    image: Tensor  # (B, C, H, W)
    name: list[str]  # of each image: its number in the data set, or its file name without extension


class LatentBatch(NamedTuple):
    """Labels and noise of images to generate. ``noise_id`` keys the noise, so all processes draw the same."""

    label: Tensor  # (K,) int64; in a morph between classes (K, num_classes) float32 class weights
    noise_id: Tensor  # (K,) int64


class EvalBatch(NamedTuple):
    """An evaluation batch: real images, and noise for the images to compare them with. Either part may be empty."""

    image: Tensor  # (B, C, H, W)
    label: Tensor  # (B,) int64
    latent: LatentBatch


class EvalOutput(NamedTuple):
    """Result of every ``validation_step`` and ``test_step``; callbacks read nothing else."""

    real: Tensor  # (B, C, H, W) in [-1, 1]
    fake: Tensor  # (K, C, H, W) in [-1, 1]
    fake_label: Tensor | None = None  # (K,) int64, class that each fake is conditioned on; in a morph its path number
    source: Tensor | None = None  # (K, C, h, w) in [-1, 1], input of the translation
    target: Tensor | None = None  # (B,) int64, class of each real image; float32 if it is a continuous quantity
    prediction: Tensor | None = None  # (B,), the model's own prediction of ``target`` for each real image
    reconstruction: Tensor | None = None  # (K, C, H, W) in [-1, 1], the source translated there and back
    reverse: "EvalOutput | None" = None  # the opposite direction, in papers that learn both


class UnlabelledImages(NamedTuple):
    """Images for ``predict`` to classify."""

    image: Tensor  # (B, C, H, W)
    name: list[str]  # of each image: its number in the data set, or its file name


class ClassPrediction(NamedTuple):
    """Result of a ``predict_step`` that classifies."""

    name: list[str]  # of each image
    label: Tensor  # (B,) int64, the most probable class
    probability: Tensor  # (B,) float32, of that class


class Mixture(NamedTuple):
    """Mixture of Gaussians of equal weight in the plane, with known modes."""

    centre: Tensor  # (K, 2)
    std: float  # standard deviation along each axis
    extent: float  # half the side of the square that plots show


class Reference(NamedTuple):
    """The real images a score is measured against: given by the data module, recorded on the evaluation card."""

    split: str
    images: int  # their number
    sha256: str


def blended(pair: Tensor, share: Tensor, num_classes: int) -> Tensor:
    """Class weights (K, num_classes): ``1 - share`` for the first class of each pair, ``share`` for the second.

    Args:
        pair: (K, 2) int64 classes.
        share: (K,) in [0, 1]; exactly 0 or 1 gives the one-hot vector of a single class.
        num_classes: number of classes.
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
    """``label`` as (count,) int64 on the CPU.

    Args:
        label: one class for all images, or one for each image, or None to cycle through the classes.
        count: number of images.
        num_classes: number of classes, 0 for a model without classes.

    Raises:
        UserError: for classes that do not exist, or a number of labels other than ``count``.
    """
    if label is None:
        return torch.arange(count) % max(num_classes, 1)
    if not num_classes:
        raise UserError(f"A model without classes takes no label; got label {label}. Leave out label.")
    if isinstance(label, str) or (isinstance(label, Sequence) and any(isinstance(one, str) for one in label)):
        raise UserError(
            "Labels are class numbers, counted from 0 in the order of the class names, not the names themselves; "
            f"got {label!r}. Set label."
        )
    labels = torch.as_tensor(label, dtype=torch.int64).cpu()
    labels = labels.expand(count) if labels.ndim == 0 else labels
    if labels.shape != (count,) or (count and (labels.min() < 0 or labels.max() >= num_classes)):
        raise UserError(
            f"Labels are one class, or one for each of {count} images, from 0 to {num_classes - 1}; "
            f"got {labels.tolist()}. Set label."
        )
    return labels
