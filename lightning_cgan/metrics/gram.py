"""All pairs of images, a tile of the matrix of products at a time, so that memory does not grow with their number."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor

BLOCK = 2**22  # pairs in a tile


class Tile(NamedTuple):
    """Some images' features, seen from a centre close to them: between far points float32 distances lose digits."""

    rows: slice  # of ``Points.order``
    point: Tensor  # (B, F) features less the centre
    square: Tensor  # (B,) its squared length
    lean: Tensor  # (B,) its product with the centre


class Points(NamedTuple):
    """Features that are to be compared with others around the same centre."""

    features: Tensor  # (N, F) float32
    order: Tensor  # (N,) int64, the order in which they are taken
    centre: Tensor  # (F,) float32, on the device where products are computed

    def tile(self, rows: slice) -> Tile:
        point = self.features[self.order[rows]].to(self.centre.device).sub_(self.centre)
        return Tile(rows, point, point.square().sum(1), point @ self.centre)

    def tiles(self, block: int, after: int = 0) -> Iterator[Tile]:
        """All of them from row ``after`` on, such that two tiles have ``block`` pairs at most."""
        side = max(1, math.isqrt(block))
        for start in range(after, len(self.order), side):
            yield self.tile(slice(start, min(start + side, len(self.order))))


def distances(a: Tile, b: Tile, product: Tensor) -> Tensor:
    """Squared distances (A, B) of points whose products are known."""
    return (a.square[:, None] + b.square).sub_(product, alpha=2).clamp_(min=0)


@contextmanager
def careful(block: int) -> Iterator[None]:
    """Products in full float32, and a plain word when memory runs out.

    Raises:
        ValueError: naming the key that lowers the need of memory.
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")  # with 10 bits the nearest neighbour is another one
    try:
        yield
    except (RuntimeError, MemoryError) as cause:
        if not isinstance(cause, MemoryError | torch.OutOfMemoryError) and "allocate memory" not in str(cause):
            raise
        raise ValueError(
            f"All pairs of images are compared in tiles of {block} pairs; memory ran out. "
            "Lower init_args.block of lightning_cgan.callbacks.scores.Scores."
        ) from cause
    finally:
        torch.set_float32_matmul_precision(before)
