"""Keyed randomness: seeds, generators and noise as pure functions of (seed, purpose, key...).

No draw depends on earlier draws. Therefore a resumed run needs no saved generator state, evaluation cannot change
training, and each process can draw its own noise.
"""

import hashlib
import os
import random

import numpy as np
import torch
from torch import Tensor


def run_seed() -> int:
    """Seed of this run, as set by ``seed_everything``; 0 if it was not called. Child processes inherit it."""
    return int(os.environ.get("PL_GLOBAL_SEED", 0))


def seed_of(*key: int | str, seed: int | None = None) -> int:
    """Seed in [0, 2^63) for ``key``, the same in every process, which Python's ``hash`` is not.

    Args:
        key: names and numbers that identify the draw.
        seed: the seed of the run when None.
    """
    text = "/".join(map(str, (run_seed() if seed is None else seed, *key)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def content_key(image: Tensor) -> int:
    """Key of the pixels and shape of ``image`` (uint8, any shape): the same on every device, batch and process."""
    text = f"{tuple(image.shape)}".encode() + image.cpu().contiguous().numpy().tobytes()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1


def content_keys(images: Tensor) -> Tensor:
    """:func:`content_key` of each of ``images`` (B, C, H, W): (B,) int64 on their device."""
    return torch.tensor([content_key(image) for image in images], dtype=torch.int64, device=images.device)


def generator(*key: int | str, device: torch.device | str = "cpu", seed: int | None = None) -> torch.Generator:
    """New generator on ``device``, seeded by ``key`` as in :func:`seed_of`."""
    return torch.Generator(device).manual_seed(seed_of(*key, seed=seed))


def reseed(*key: int | str) -> None:
    """Seed the global generators of torch, numpy and Python by ``key``, for dropout and plain ``torch.randn``."""
    value = seed_of(*key)
    torch.manual_seed(value)
    np.random.seed(value % 2**32)
    random.seed(value)


def normal(purpose: str, index: Tensor, *shape: int, seed: int | None = None) -> Tensor:
    """Standard normal noise, an independent draw for each entry of ``index``.

    It is drawn on the CPU, so an index gives the same noise on every device and in every batch.

    Args:
        purpose: name that separates draws for different purposes.
        index: (K,) integers.
        shape: shape of one draw.
        seed: the seed of the run when None.

    Returns:
        (K, *shape) float32 on the device of ``index``.
    """
    stream = torch.Generator()
    noise = torch.empty(len(index), *shape, dtype=torch.float32)
    for row, item in zip(noise, index.tolist(), strict=True):
        row.normal_(generator=stream.manual_seed(seed_of(purpose, item, seed=seed)))
    return noise.to(index.device)
