"""The records that pass between data, papers and callbacks, and how images and labels are written in them.

Inside a paper images are floats in [-1, 1]; in memory and on their way to the device they are uint8.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple, get_type_hints

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


class Sources(NamedTuple):
    """Images that ``predict`` is asked to translate."""

    image: Tensor  # (B, C, H, W)
    name: list[str]  # of each: its number in the set, or its file without the ending


class Draws(NamedTuple):
    """Images to be generated. ``key`` keys the noise, so every process draws the same image for it."""

    label: Tensor  # (K,) int64; or (K, num_classes) float32, weights of the classes, on a path from one to another
    key: Tensor  # (K,) int64


class Trial(NamedTuple):
    """An evaluation batch: real images, and the draws that are set against them. Either may be empty."""

    image: Tensor  # (B, C, H, W)
    label: Tensor  # (B,) int64
    draws: Draws


class Evaluated(NamedTuple):
    """What every ``validation_step`` and ``test_step`` returns, and all that a callback may see."""

    real: Tensor  # (B, C, H, W) in [-1, 1]
    fake: Tensor  # (K, C, H, W) in [-1, 1]
    label: Tensor | None = None  # (K,) int64, the class that was asked of each fake; of a morph, its path's number
    source: Tensor | None = None  # (K, C, h, w) in [-1, 1], what a translation started from
    truth: Tensor | None = None  # (B,) int64, the class of each real image; float32 where it is a quantity
    decided: Tensor | None = None  # (B,), what the model itself says of each real image
    recovered: Tensor | None = None  # (K, C, H, W) in [-1, 1], the source again, translated there and back
    back: "Evaluated | None" = None  # the other direction, of a paper that learns both


class Unclassified(NamedTuple):
    """Images whose class ``predict`` is asked for."""

    image: Tensor  # (B, C, H, W)
    name: list[str]  # of each: its number in the set, or its file


class Decided(NamedTuple):
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


class DataFacts:
    """What the suite may ask of a data module, with defaults. Put it before ``LightningDataModule``.

    Attributes:
        training_batch: the kind of batch that it trains with.
        class_names: what users call class 0, 1, ...; empty where classes have numbers alone.
    """

    training_batch: ClassVar[type] = Labelled
    class_names: tuple[str, ...] = ()


def class_names(data: object) -> tuple[str, ...]:
    """Those of ``data``, a data module; none of one that does not say."""
    return data.class_names if isinstance(data, DataFacts) else ()


def with_classes(spec: ImageSpec, paper: str) -> ImageSpec:
    """``spec``, for a paper that cannot do without labels.

    Raises:
        ValueError: if the data set has no classes.
    """
    if not spec.num_classes:
        raise ValueError(
            f"{paper} needs labelled images; this data set has no classes. "
            "Set data to a labelled set, or model.class_path to an unconditional paper."
        )
    return spec


def training_batch(side: Any) -> type:
    """The kind of batch that a paper reads, or a data module gives."""
    return getattr(side, "training_batch", Labelled)


def spec_of(data: Any) -> ImageSpec | PairSpec:
    """The ``spec`` of a data module.

    Raises:
        UserError: for one that does not say it, with what to add.
    """
    spec = getattr(data, "spec", None)
    if not isinstance(spec, ImageSpec | PairSpec):
        got = f"a spec {spec!r}" if spec is not None else "no spec"
        raise UserError(
            "A data module says the shape of its images before any is read, as a lightning_cgan.contract.ImageSpec, or "
            f"of two domains as a PairSpec; {type(data).__name__} has {got}. Add to the class, with its own numbers: "
            "spec = ImageSpec(channels=3, size=64, num_classes=0)."
        )
    return spec


def check_batches(module: Any, data: Any) -> None:
    """Refuse data whose training batches a paper cannot read.

    Raises:
        ValueError: naming both kinds of batch.
    """
    asked, given = training_batch(module), training_batch(data)
    if (asked, given) == (PartlyLabelled, Labelled):
        raise UserError(
            f"{type(module).__name__} learns from few labelled and many unlabelled images; got {type(data).__name__}, "
            "all labelled. Set data.class_path to datamodules.semi_labelled.SemiLabelled, and its init_args.data to "
            "this set."
        )
    if given is not asked:
        raise ValueError(
            f"{type(module).__name__} trains on {asked.__name__} batches; {type(data).__name__} gives "
            f"{given.__name__} ones. Set data, or model.class_path to a paper for such data."
        )


def fitting_spec(spec: Any, model: Any) -> Any:
    """``spec`` of a data set, if it is of the kind that ``model``, a paper's class, is made from.

    Raises:
        ValueError: for a paper on one domain with data of two, or the other way round.
    """
    asked = get_type_hints(model.__init__).get("spec", type(spec))
    if asked is not type(spec):
        domains = {ImageSpec: "one domain", PairSpec: "two domains"}
        raise ValueError(
            f"{model.__name__} learns from data of {domains.get(asked, asked)}; met data of "
            f"{domains.get(type(spec), spec)}. Set data, or model.class_path to a paper for such data."
        )
    return spec


def without_classes(spec: ImageSpec) -> ImageSpec:
    """``spec`` for an unconditional paper, which ignores the labels of the data."""
    return spec._replace(num_classes=0)


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
        ValueError: for classes that do not exist, or another number of labels than images.
    """
    if label is None:
        return torch.arange(count) % max(num_classes, 1)
    if not num_classes:
        raise ValueError(f"A model without classes draws whatever comes; met label {label}. Leave out label.")
    if isinstance(label, str) or (isinstance(label, Sequence) and any(isinstance(one, str) for one in label)):
        raise UserError(
            "Labels are numbers, counted from 0 in the order of the classes' names; a model does not know the names; "
            f"got {label!r}. Set label."
        )
    labels = torch.as_tensor(label, dtype=torch.int64).cpu()
    labels = labels.expand(count) if labels.ndim == 0 else labels
    if labels.shape != (count,) or (count and (labels.min() < 0 or labels.max() >= num_classes)):
        raise ValueError(
            f"Labels are one class, or one for each of {count} images, from 0 to {num_classes - 1}; "
            f"met {labels.tolist()}. Set label."
        )
    return labels
