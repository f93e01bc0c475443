"""Checks the type, shapes and dtypes of a training batch before a paper uses it."""

from typing import Any

import torch
from torch import Tensor

from lightning_cgan.batches import EvalBatch, ImageSpec, Labelled, Paired, PairSpec, PartlyLabelled, Unpaired
from lightning_cgan.errors import UserError

LABELLED = "image (n, B, {}), label (n, B) int64"
DOMAINS = "a (n, B, {}), b (n, B, {})"
SHAPES = {
    Labelled: LABELLED,
    PartlyLabelled: LABELLED + ", unlabelled (n, 2, B, {})",
    Paired: DOMAINS,
    Unpaired: DOMAINS,
}
IMAGES = ("image", "unlabelled", "a", "b")


def check_batch(module: Any, batch: Any) -> None:
    """Refuse a training batch of another class than ``module.training_batch``, or of other shapes or dtypes.

    Raises:
        UserError: with the expected shapes and those of ``batch``.
    """
    kind: Any = module.training_batch
    if isinstance(batch, kind) and not (kind in SHAPES and any(map(wrong, kind._fields, batch))):
        return
    if kind not in SHAPES:
        raise UserError(
            f"{type(module).__name__} trains on batches {kind.__module__}.{kind.__name__}; got {described(batch)}. "
            "Give fit data with such batches."
        )
    shapes = [" x ".join(map(str, shape)) for shape in image_shapes(module.spec)]
    expected = SHAPES[kind].format(*(shapes * 2)[: SHAPES[kind].count("{}")])
    raise UserError(
        f"{type(module).__name__} trains on batches lightning_cgan.batches.{kind.__name__}: {expected}, for n updates "
        "of the discriminator with B images each, images as floats in [-1, 1]; got "
        f"{described(batch)}. Give fit a data module of datamodules, or a loader with batch_size=None whose data set "
        "returns such batches."
    )


def check_eval_batch(module: Any, batch: Any) -> None:
    """Refuse a validation or test batch that is none of the suite's records.

    Raises:
        UserError: with the record that papers of one or of two domains are evaluated on.
    """
    if isinstance(batch, EvalBatch | Paired | Unpaired):
        return
    fields = "EvalBatch (image, label, latent)" if isinstance(module.spec, ImageSpec) else "Paired or Unpaired (a, b)"
    raise UserError(
        f"{type(module).__name__} is evaluated on batches lightning_cgan.batches.{fields}; got {described(batch)}. "
        "Return such batches from val_dataloader and test_dataloader, or none, or use a data module of datamodules."
    )


def image_shapes(spec: ImageSpec | PairSpec) -> list[tuple[int, int, int]]:
    """(C, H, W) of the images, for two domains those of a and of b."""
    if isinstance(spec, ImageSpec):
        return [(spec.channels, spec.size, spec.size)]
    small = spec.size // spec.scale
    return [(spec.channels_a, small, small), (spec.channels_b, spec.size, spec.size)]


def wrong(name: str, part: Any) -> bool:
    """Whether the dtype or number of axes of a batch field is wrong for its name."""
    if name not in IMAGES:
        return not isinstance(part, Tensor) or part.dtype is not torch.int64 or part.ndim != 2
    return not isinstance(part, Tensor) or not part.is_floating_point() or part.ndim != 5 + (name == "unlabelled")


def described(batch: Any) -> str:
    """The type, dtypes, shapes and range of ``batch``, for a message."""
    if isinstance(batch, Tensor):
        span = f" from {batch.min():g} to {batch.max():g}" if batch.numel() else ""
        return f"{str(batch.dtype).removeprefix('torch.')} {tuple(batch.shape)}{span}"
    if isinstance(batch, dict):
        return f"a dict of {', '.join(f'{key}: {described(part)}' for key, part in batch.items())}"
    if isinstance(batch, list | tuple):
        return f"a {type(batch).__name__} of {', '.join(map(described, batch)) or 'nothing'}"
    return f"a {type(batch).__name__}"
