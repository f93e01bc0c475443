"""Pairwise products and distances in tiles, so that memory does not grow with the number of pairs."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor

from lightning_cgan.errors import UserError

BLOCK = 2**20  # pairs in a tile; more do not fit into a CPU cache
WIDE = 4  # columns of a tile to its rows
PARTS = 32  # of a row, in the search for its smallest numbers


class Tile(NamedTuple):
    """Features of some images relative to a centre: far from the origin, float32 distances lose digits."""

    rows: slice  # of ``Points.order``
    point: Tensor  # (B, F) features less the centre
    square: Tensor  # (B,) its squared length
    lean: Tensor  # (B,) its product with the centre

    def onward(self, row: int) -> "Tile":
        """The part of the tile from ``row`` on."""
        skip = max(0, row - self.rows.start)
        return Tile(slice(self.rows.start + skip, self.rows.stop), *(part[skip:] for part in self[1:]))


class Points(NamedTuple):
    """Features to be compared with others, relative to a common centre."""

    features: Tensor  # (N, F) float32
    order: Tensor  # (N,) int64, the order of the rows
    centre: Tensor  # (F,) float32, on the device where products are computed

    def tile(self, rows: slice) -> Tile:
        point = self.features[self.order[rows]].to(self.centre.device).sub_(self.centre)
        return Tile(rows, point, point.square().sum(1), point @ self.centre)

    def rows(self, block: int, stop: int | None = None) -> Iterator[Tile]:
        """Tiles of all points, or of those before number ``stop``, as rows for blocks of ``block`` pairs."""
        return self.cut(height(block), stop)

    def columns(self, block: int) -> Iterator[Tile]:
        """Tiles of all points, as columns for blocks of ``block`` pairs."""
        return self.cut(WIDE * height(block))

    def cut(self, length: int, stop: int | None = None) -> Iterator[Tile]:
        count = len(self.order) if stop is None else stop
        for start in range(0, count, length):
            yield self.tile(slice(start, min(start + length, count)))


def height(block: int) -> int:
    """The number of rows of a block of about ``block`` pairs."""
    return max(1, math.isqrt(block // WIDE))


def scratch(tables: int, block: int, a: Points, b: Points) -> Tensor:
    """Memory for ``tables`` tables of a tile, reused for each tile: allocating it anew would double the cost."""
    rows = height(block)
    return torch.empty(tables, min(rows, len(a.order)) * min(WIDE * rows, len(b.order)), device=a.centre.device)


def tables(memory: Tensor, a: Tile, b: Tile) -> tuple[Tensor, ...]:
    """The tables (A, B) of a tile, in ``memory``; the first holds the products of its points."""
    found = memory[:, : len(a.point) * len(b.point)].view(-1, len(a.point), len(b.point)).unbind()
    torch.mm(a.point, b.point.T, out=found[0])
    return found


def distances(a: Tile, b: Tile, product: Tensor, out: Tensor) -> Tensor:
    """Squared distances (A, B) of points whose products are known; rounding may make them slightly negative."""
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
    """Matrix products in full float32, and a plain message when memory runs out.

    Raises:
        UserError: if memory runs out, naming the key to lower.
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")  # TF32 would change nearest neighbours
    try:
        yield
    except (RuntimeError, MemoryError) as cause:
        if not isinstance(cause, MemoryError | torch.OutOfMemoryError) and "allocate memory" not in str(cause):
            raise
        raise UserError(
            f"All pairs of images are compared in tiles that fit into memory; got tiles of {block} pairs, too many. "
            "Lower init_args.block of lightning_cgan.callbacks.Scores."
        ) from cause
    finally:
        torch.set_float32_matmul_precision(before)
