"""Weights that an earlier run has trained."""

from pathlib import Path

import torch
from torch import Tensor


def trained_weights(path: str) -> dict[str, Tensor]:
    """The weights that a checkpoint of ``fit`` holds, on the CPU.

    Raises:
        ValueError: if the file is missing or is not such a checkpoint.
    """
    if not Path(path).is_file():
        raise ValueError(
            f"A run starts from a checkpoint that `fit` has written; there is no {path}. "
            "Train that one first, or set model.init_args.start_from."
        )
    try:
        return torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
    except Exception as cause:
        raise ValueError(
            f"A run starts from a checkpoint that `fit` has written; {path} is broken or from elsewhere. "
            "Set model.init_args.start_from."
        ) from cause
