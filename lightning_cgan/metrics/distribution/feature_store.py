"""Accumulates the features and logits of an evaluation, computed once per image and shared by all scores."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torchmetrics.utilities.distributed import gather_all_tensors

from lightning_cgan.batches import EvalOutput, to_bytes
from lightning_cgan.errors import UserError
from lightning_cgan.extractors.extractors import Extractor, extract

BLOCK_BYTES = 2**25 + 2**20  # blocks above 32 MiB are returned to the system when freed


class GatheredFeatures(NamedTuple):
    """The inputs of all scores, in an order that does not depend on the number of processes."""

    real: Tensor  # (N, F) features
    fake: Tensor  # (K, F) features
    logits: Tensor  # (K, classes) of the fakes
    label: Tensor  # (K,) int64 requested class, -1 without labels
    target: Tensor  # (N,) int64 class of each real image, -1 if unknown
    hits: Tensor  # (N,) bool, whether the model classified a real image correctly; empty if it does not classify
    finite: bool  # whether all generated pixels were finite
    train: Tensor | None = None  # (T, F) features of the training images, for memorisation

    @property
    def scorable(self) -> bool:
        return self.finite and min(len(self.real), len(self.fake)) > 1


class Rows:
    """A growing table on the CPU that is handed out block by block, so that it is never in memory twice."""

    def __init__(self) -> None:
        self.blocks: list[Tensor] = []
        self.room = 0  # free rows of the last block
        self.height = 0  # rows of a block
        self.count = 0  # rows in all

    def append(self, rows: Tensor) -> None:
        """Append ``rows`` (B, ...), all of one shape and type; B may be 0."""
        if not self.height:
            self.none = rows[:0].cpu()
            self.height = BLOCK_BYTES // (max(math.prod(rows.shape[1:]), 1) * rows.element_size()) + 1
        self.count += len(rows)
        while len(rows):
            if not self.room:
                self.blocks.append(self.none.new_empty(self.height, *rows.shape[1:]))
                self.room = self.height
            start, taken = self.height - self.room, rows[: self.room]
            self.blocks[-1][start : start + len(taken)] = taken
            self.room -= len(taken)
            rows = rows[len(taken) :]

    def pour(self) -> Iterator[Tensor]:
        """The blocks in order; each is removed from the table."""
        left, self.count, self.room = self.count, 0, 0
        while self.blocks:
            block = self.blocks.pop(0)[:left]
            left -= len(block)
            yield block


class FeatureAccumulator:
    """Collects one evaluation's features on the CPU, batch by batch, and gathers them from all processes.

    All images are first rounded to uint8, as in a PNG file.

    Args:
        extractor: the network whose features and logits are scored.
        known: (N, F) cached features of all real images of the evaluation, in its order.
    """

    def __init__(self, extractor: Extractor, known: Tensor | None = None) -> None:
        self.extractor, self.known = extractor, known
        self.rows = {name: Rows() for name in ("real", "fake", "logits", "label", "target", "hits", "at", "fake_at")}
        self.finite = True

    def add(self, batch: int, outputs: EvalOutput) -> None:
        """Add ``outputs``, this process's batch number ``batch`` of the evaluation."""
        self.finite &= bool(outputs.fake.isfinite().all())
        if self.known is None:
            self.rows["real"].append(self.extract(outputs.real)[0])
        fake, logits = self.extract(outputs.fake)
        reals, fakes = len(outputs.real), len(outputs.fake)
        label = outputs.fake_label if outputs.fake_label is not None else torch.full((fakes,), -1)
        target = outputs.target if outputs.target is not None else torch.full((reals,), -1)
        hits = target == outputs.prediction if outputs.prediction is not None else label[:0] > 0
        at = {"at": torch.full((reals,), batch), "fake_at": torch.full((fakes,), batch)}
        new = {"fake": fake, "logits": logits, "label": label, "target": target, "hits": hits} | at
        for name, rows in new.items():
            self.rows[name].append(rows)

    def extract(self, image: Tensor) -> tuple[Tensor, Tensor]:
        if len(image):
            return extract(self.extractor, to_bytes(image))
        blank = torch.zeros(1, *image.shape[1:], dtype=torch.uint8, device=image.device)
        features, logits = extract(self.extractor, blank)  # for their widths
        return features[:0], logits[:0]

    def gather(self, device: torch.device, world: int) -> GatheredFeatures:
        """The features of all processes, in the order of a single process. Empties the accumulator.

        Raises:
            UserError: if ``known`` are the features of another number of real images.
        """
        real, fake = (places(self.rows[at], device, world) for at in ("at", "fake_at"))
        reals = sum(map(len, real))
        if self.known is not None and len(self.known) != reals:
            raise UserError(
                f"Cached features belong to the real images that are scored; got {len(self.known)} for {reals} images. "
                "Delete the file of cached features."
            )
        whole = {
            name: together(self.rows[name], place, device, world)
            for name, place in {"target": real, "hits": real, "fake": fake, "logits": fake, "label": fake}.items()
        }
        finite = torch.tensor([self.finite])
        if world > 1:
            finite = torch.cat(gather_all_tensors(finite.to(device)))
        known = self.known if self.known is not None else together(self.rows["real"], real, device, world)
        return GatheredFeatures(real=known, **whole, finite=bool(finite.all()))


def places(at: Rows, device: torch.device, world: int) -> list[Tensor]:
    """The positions of each process's rows in the whole, from the batch number of each row."""
    mine = torch.cat([at.none, *at.pour()])
    parts = gather_all_tensors(mine.to(device)) if world > 1 else [mine]
    number = torch.cat([part.cpu() * world + rank for rank, part in enumerate(parts)])  # k of rank r is k * world + r
    return list(placed(number).split([len(part) for part in parts]))


def placed(number: Tensor) -> Tensor:
    """The position (N,) of each row after a stable sort by ``number`` (N,)."""
    place = torch.empty_like(number)
    place[number.argsort(stable=True)] = torch.arange(len(number))
    return place


def together(rows: Rows, place: list[Tensor], device: torch.device, world: int) -> Tensor:
    """The rows of all processes in their positions, without padding."""
    counts = torch.tensor([rows.count])
    if world > 1:
        counts = torch.cat(gather_all_tensors(counts.to(device))).cpu()
    whole = rows.none.new_empty(int(counts.sum()), *rows.none.shape[1:])
    blocks = rows.pour()
    for start in range(0, int(counts.max()), rows.height):
        block = next(blocks, rows.none)
        parts = gather_all_tensors(block.to(device)) if world > 1 else [block]
        for part, at in zip(parts, place, strict=True):
            whole[at[start : start + len(part)]] = part.cpu()
    return whole
