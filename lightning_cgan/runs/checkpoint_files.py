"""Names of the checkpoint files in a run folder, and the one reader of checkpoints."""

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from lightning_cgan import checksum
from lightning_cgan.console import info

LAST, BEST = "last.ckpt", "best.ckpt"
PREVIOUS = "last.previous.ckpt"  # the one before the last, to resume from if the last is damaged


def best_is_last(folder: str | Path) -> bool:
    """Whether the run's best checkpoint is of the same update as its last, and so has the same weights.

    False if one of them is missing or damaged.
    """
    updates = [update_of(Path(folder, name)) for name in (BEST, LAST)]
    return updates[0] is not None and updates[0] == updates[1]


def update_of(path: Path) -> int | None:
    """The generator update of a checkpoint; None if it is missing or damaged."""
    try:
        return int(content_of(path)["global_step"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def content_of(path: str | Path) -> dict[str, Any]:
    """The content of a checkpoint of a model, as :func:`load_content` reads it.

    Raises:
        DamagedFile: if the file is damaged, or is not a checkpoint of a model.
        OSError: if it cannot be read.
    """
    content = load_content(path)
    try:
        content["state_dict"], content.setdefault("hyper_parameters", {})  # a Trainer in a script writes none
    except (KeyError, TypeError) as cause:
        raise checksum.DamagedFile("it is no checkpoint of this suite") from cause
    return content


def load_content(path: str | Path) -> dict[str, Any]:
    """The verified content of any checkpoint file: tensors are memory-mapped, on the CPU, and no code is run.

    Raises:
        DamagedFile: if the file is not what was written, or is not a checkpoint.
        OSError: if it cannot be read.
    """
    status = os.stat(path)
    if not checked(str(path), status.st_ino, status.st_size, status.st_mtime_ns):
        tell_unsealed(str(path))
    try:
        return dict(torch.load(path, map_location="cpu", weights_only=True, mmap=True))
    except Exception as cause:  # torch raises errors of many types for other kinds of file
        raise checksum.DamagedFile("it is no checkpoint of this suite") from cause


@lru_cache(maxsize=32)
def checked(path: str, *_: int) -> bool:
    """Whether the file has a checksum; cached in the process by its inode, size and time."""
    with open(path, "rb") as file:
        return checksum.check(file)


@lru_cache(maxsize=32)
def tell_unsealed(path: str) -> None:
    info(f"{path} has no checksum, because the command line did not save it; its archive is intact")
