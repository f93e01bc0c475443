"""Reads the weights of feature networks from disk: of a known hash, and without running what a file may hold."""

from pathlib import Path

import torch
from torch import Tensor

from lightning_cgan.metrics.pinned import fetch_command, file_name, sha256_of


def read_weights(weights: str, sha256: str, name: str) -> dict[str, Tensor]:
    """The state dict in the file ``weights``, which is to be the one that is published as ``name``.

    Raises:
        ValueError: if there is no such file, its hash is not ``sha256``, or it holds something else.
    """
    path = Path(weights)
    if not path.is_file():
        raise ValueError(
            f"{name} features need the weights of the network on disk; there is no file {weights}. {mend(path, name)}."
        )
    if (met := sha256_of(path)) != sha256:
        raise ValueError(
            f"{name} features are those of the weights with the hash {sha256}; {weights} has {met}. "
            f"{mend(path, name)}, or set init_args.sha256 to score with other weights knowingly."
        )
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as cause:
        raise ValueError(foreign(weights, name)) from cause
    if not isinstance(held, dict) or not all(isinstance(value, Tensor) for value in held.values()):
        raise ValueError(foreign(weights, name))
    return held


def foreign(weights: str, name: str) -> str:
    """What to say of a file that holds something else than a network's weights."""
    return f"{name} features need that network's own state dict; {weights} is not one. {mend(Path(weights), name)}."


def mend(path: Path, name: str) -> str:
    """How to come by the published weights."""
    place = path.with_name(file_name(name))
    return f"Run `{fetch_command(name, path.parent)}` and set the extractor's init_args.weights to {place}"
