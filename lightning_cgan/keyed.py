"""Randomness as a pure function of (seed, purpose, key...).

Nothing random depends on what was drawn before it. That is why a resumed run needs no saved generator state,
why evaluating cannot disturb training, and why each process draws noise of its own.
"""

import hashlib
import os
import random

import numpy as np
import torch
from torch import Tensor


def run_seed() -> int:
    """The seed of this run: what ``seed_everything`` was given, 0 without it. Child processes inherit it."""
    return int(os.environ.get("PL_GLOBAL_SEED", 0))


def seed_of(*key: int | str, seed: int | None = None) -> int:
    """A stable seed for ``key``. Python's ``hash`` would differ between processes."""
    text = "/".join(map(str, (run_seed() if seed is None else seed, *key)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def content_key(image: Tensor) -> int:
    """A key of what ``image`` (uint8, any shape) shows: the same on every device, in every batch and process."""
    text = f"{tuple(image.shape)}".encode() + image.cpu().contiguous().numpy().tobytes()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1


def content_keys(images: Tensor) -> Tensor:
    """:func:`content_key` of each of ``images`` (B, C, H, W): (B,) int64 on their device."""
    return torch.tensor([content_key(image) for image in images], dtype=torch.int64, device=images.device)


def generator(*key: int | str, device: torch.device | str = "cpu", seed: int | None = None) -> torch.Generator:
    """A fresh generator for ``key``."""
    return torch.Generator(device).manual_seed(seed_of(*key, seed=seed))


def reseed(*key: int | str) -> None:
    """Seed torch's, numpy's and Python's global generators, so that dropout and plain ``torch.randn`` are keyed too."""
    value = seed_of(*key)
    torch.manual_seed(value)
    np.random.seed(value % 2**32)
    random.seed(value)


def normal(purpose: str, index: Tensor, *shape: int, seed: int | None = None) -> Tensor:
    """Standard normal noise, one independent draw for each entry of ``index``.

    Drawn on the CPU, so that an index means the same noise on every device and in every batch.

    Args:
        purpose: keeps draws for different ends apart.
        index: (K,) integers.
        shape: of one draw.
        seed: the run's own when None.

    Returns:
        (K, *shape) float32 on the device of ``index``.
    """
    stream = torch.Generator()
    noise = torch.empty(len(index), *shape, dtype=torch.float32)
    for row, item in zip(noise, index.tolist(), strict=True):
        row.normal_(generator=stream.manual_seed(seed_of(purpose, item, seed=seed)))
    return noise.to(index.device)
