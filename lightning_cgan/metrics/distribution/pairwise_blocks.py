"""All pairs of images, a tile of the matrix of products at a time, so that memory does not grow with their number."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor

from lightning_cgan.errors import UserError

BLOCK = 2**20  # pairs in a tile; more do not fit into the cache of a processor
WIDE = 4  # columns of a tile to its rows
PARTS = 32  # of a row, in the search for its smallest numbers


class Tile(NamedTuple):
    """Some images' features, seen from a centre close to them: between far points float32 distances lose digits."""

    rows: slice  # of ``Points.order``
    point: Tensor  # (B, F) features less the centre
    square: Tensor  # (B,) its squared length
    lean: Tensor  # (B,) its product with the centre

    def onward(self, row: int) -> "Tile":
        """What of it is not before ``row``."""
        skip = max(0, row - self.rows.start)
        return Tile(slice(self.rows.start + skip, self.rows.stop), *(part[skip:] for part in self[1:]))


class Points(NamedTuple):
    """Features that are to be compared with others around the same centre."""

    features: Tensor  # (N, F) float32
    order: Tensor  # (N,) int64, the order in which they are taken
    centre: Tensor  # (F,) float32, on the device where products are computed

    def tile(self, rows: slice) -> Tile:
        point = self.features[self.order[rows]].to(self.centre.device).sub_(self.centre)
        return Tile(rows, point, point.square().sum(1), point @ self.centre)

    def rows(self, block: int, stop: int | None = None) -> Iterator[Tile]:
        """All of them, or those before number ``stop``, for the rows of tiles of ``block`` pairs."""
        return self.cut(height(block), stop)

    def columns(self, block: int) -> Iterator[Tile]:
        """All of them, for the columns of such tiles."""
        return self.cut(WIDE * height(block))

    def cut(self, length: int, stop: int | None = None) -> Iterator[Tile]:
        count = len(self.order) if stop is None else stop
        for start in range(0, count, length):
            yield self.tile(slice(start, min(start + length, count)))


def height(block: int) -> int:
    """Rows of tiles of ``block`` pairs, as near as can be."""
    return max(1, math.isqrt(block // WIDE))


def scratch(tables: int, block: int, a: Points, b: Points) -> Tensor:
    """Memory for ``tables`` tables of a tile, to be written over for each: fresh memory would cost as much again."""
    rows = height(block)
    return torch.empty(tables, min(rows, len(a.order)) * min(WIDE * rows, len(b.order)), device=a.centre.device)


def tables(memory: Tensor, a: Tile, b: Tile) -> tuple[Tensor, ...]:
    """The tables (A, B) of a tile, in ``memory``; the first holds the products of its points."""
    found = memory[:, : len(a.point) * len(b.point)].view(-1, len(a.point), len(b.point)).unbind()
    torch.mm(a.point, b.point.T, out=found[0])
    return found


def distances(a: Tile, b: Tile, product: Tensor, out: Tensor) -> Tensor:
    """Squared distances (A, B) of points whose products are known; rounding may leave them a little below zero."""
    return torch.add(b.square, product, alpha=-2, out=out).add_(a.square[:, None])


def smallest(known: Tensor, table: Tensor, dim: int = 1) -> Tensor:
    """The k smallest numbers of each row of ``known`` (A, k) and ``table`` (A, B) together, rising.

    None of them lies outside of the k parts of the row whose own smallest numbers are smallest.

    Args:
        known: numbers already found; infinite where there are none yet.
        table: more of them.
        dim: 0 where the table is (B, A).
    """
    count, height = known.shape[1], table.shape[dim] // PARTS
    rows = table if dim else table.T
    if count < PARTS and height > 3:
        lowest = table.narrow(dim, 0, height * PARTS).unflatten(dim, (height, PARTS)).amin(dim)
        where = (lowest if dim else lowest.T).topk(count, largest=False, sorted=False).indices
        parts, rest = rows[:, : height * PARTS].unflatten(1, (height, PARTS)), rows[:, height * PARTS :]
        rows = torch.cat([parts.gather(2, where[:, None].expand(-1, height, -1)).flatten(1), rest], 1)
    return torch.cat([known, rows], 1).topk(count, largest=False).values


@contextmanager
def careful(block: int) -> Iterator[None]:
    """Products in full float32, and a plain word when memory runs out.

    Raises:
        UserError: naming the key that lowers the need of memory.
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")  # with 10 bits the nearest neighbour is another one
    try:
        yield
    except (RuntimeError, MemoryError) as cause:
        if not isinstance(cause, MemoryError | torch.OutOfMemoryError) and "allocate memory" not in str(cause):
            raise
        raise UserError(
            f"All pairs of images are compared in tiles of {block} pairs; memory ran out. "
            "Lower init_args.block of lightning_cgan.callbacks.Scores."
        ) from cause
    finally:
        torch.set_float32_matmul_precision(before)
