"""Class labels as extra input channels of a network."""

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from lightning_cgan.errors import UserError


def joined(x: Tensor, label: Tensor | None, num_classes: int) -> Tensor:
    """``x`` (B, C, ...) with the one-hot label (B, num_classes) concatenated, repeated over all positions.

    Returns ``x`` itself if ``num_classes`` is 0.

    Raises:
        UserError: if there are classes but no labels.
    """
    if not num_classes:
        return x
    if label is None:
        raise UserError(
            f"A network of {num_classes} classes takes a label with each input; got none. "
            "Set model.class_path to a class-conditional paper, or give it data without classes."
        )
    channels = one_hot(label, num_classes).to(x.dtype).view(len(x), num_classes, *[1] * (x.ndim - 2))
    return torch.cat([x, channels.expand(-1, -1, *x.shape[2:])], 1)
