"""The checkpoint files in a run folder."""

from pathlib import Path

import torch

LAST, BEST = "last.ckpt", "best.ckpt"


def best_is_last(folder: str | Path) -> bool:
    """Whether the run's best checkpoint is of the same update as its last, and so holds the same weights."""
    paths = [Path(folder, name) for name in (BEST, LAST)]
    if not all(path.is_file() for path in paths):
        return False
    best, last = (torch.load(path, map_location="cpu", weights_only=True, mmap=True) for path in paths)
    return bool(best["global_step"] == last["global_step"])
