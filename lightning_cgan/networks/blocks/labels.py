"""Labels as inputs of a network."""

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from lightning_cgan.errors import UserError


def joined(x: Tensor, label: Tensor | None, num_classes: int) -> Tensor:
    """``x`` (B, C, ...) with one more channel for each class, 1 where it is the label and 0 elsewhere.

    Without classes ``x`` as it is.

    Raises:
        UserError: for classes without labels.
    """
    if not num_classes:
        return x
    if label is None:
        raise UserError(
            f"A network of {num_classes} classes takes a label with each input; met none. "
            "Set model.class_path to a class-conditional paper, or give it data without classes."
        )
    told = one_hot(label, num_classes).to(x.dtype).view(len(x), num_classes, *[1] * (x.ndim - 2))
    return torch.cat([x, told.expand(-1, -1, *x.shape[2:])], 1)
