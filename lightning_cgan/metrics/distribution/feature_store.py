"""One pass over an evaluation: features and logits are computed once per image, kept, and shared by all scores."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torchmetrics.utilities.distributed import gather_all_tensors

from lightning_cgan.batches import EvalOutput, to_bytes
from lightning_cgan.errors import UserError
from lightning_cgan.extractors.extractors import Extractor, seen_by

BLOCK_BYTES = 2**25 + 2**20  # a block of more than 32 MiB goes back to the system when it is freed


class GatheredFeatures(NamedTuple):
    """What the scores are computed from, in an order that does not depend on the number of processes."""

    real: Tensor  # (N, F) features
    fake: Tensor  # (K, F) features
    logits: Tensor  # (K, classes) of the fakes
    label: Tensor  # (K,) int64 asked for, -1 without labels
    target: Tensor  # (N,) int64 class of each real image, -1 where it is not known
    hits: Tensor  # (N,) bool, whether the model classified a real image rightly; empty where it does not classify
    finite: bool  # whether every pixel generated was a number
    train: Tensor | None = None  # (T, F) features of the training images, where generated ones are compared with them

    @property
    def scorable(self) -> bool:
        return self.finite and min(len(self.real), len(self.fake)) > 1


class Rows:
    """A table on the CPU that grows row by row and is given away block by block, so that it is never held twice."""

    def __init__(self) -> None:
        self.blocks: list[Tensor] = []
        self.room = 0  # rows that the last block can still take
        self.height = 0  # rows of a block
        self.count = 0  # rows in all

    def append(self, rows: Tensor) -> None:
        """Take in ``rows`` (B, ...), all of one shape and type; B may be 0."""
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
        """The blocks in order. Each is forgotten here when it is handed out."""
        left, self.count, self.room = self.count, 0, 0
        while self.blocks:
            block = self.blocks.pop(0)[:left]
            left -= len(block)
            yield block


class FeatureAccumulator:
    """Collects one evaluation's features on the CPU, batch by batch, and gathers them from all processes.

    Images are rounded to uint8 first, generated ones too: what is scored is what a PNG of it would hold.

    Args:
        extractor: the network whose features and logits are scored.
        known: (N, F) features of all real images of the evaluation in its order, which are then not computed again.
    """

    def __init__(self, extractor: Extractor, known: Tensor | None = None) -> None:
        self.extractor, self.known = extractor, known
        self.rows = {name: Rows() for name in ("real", "fake", "logits", "label", "target", "hits", "at", "fake_at")}
        self.finite = True

    def add(self, batch: int, outputs: EvalOutput) -> None:
        """Take in ``outputs``, this process' part number ``batch`` of the evaluation."""
        self.finite &= bool(outputs.fake.isfinite().all())
        if self.known is None:
            self.rows["real"].append(self.see(outputs.real)[0])
        fake, logits = self.see(outputs.fake)
        reals, fakes = len(outputs.real), len(outputs.fake)
        label = outputs.fake_label if outputs.fake_label is not None else torch.full((fakes,), -1)
        target = outputs.target if outputs.target is not None else torch.full((reals,), -1)
        hits = target == outputs.prediction if outputs.prediction is not None else label[:0] > 0
        at = {"at": torch.full((reals,), batch), "fake_at": torch.full((fakes,), batch)}
        new = {"fake": fake, "logits": logits, "label": label, "target": target, "hits": hits} | at
        for name, rows in new.items():
            self.rows[name].append(rows)

    def see(self, image: Tensor) -> tuple[Tensor, Tensor]:
        if len(image):
            return seen_by(self.extractor, to_bytes(image))
        blank = torch.zeros(1, *image.shape[1:], dtype=torch.uint8, device=image.device)
        features, logits = seen_by(self.extractor, blank)  # for their widths
        return features[:0], logits[:0]

    def gather(self, device: torch.device, world: int) -> GatheredFeatures:
        """Everything every process saw, in the order in which one process would have seen it. Empties this pass.

        Raises:
            UserError: if ``known`` are the features of another number of real images.
        """
        real, fake = (places(self.rows[at], device, world) for at in ("at", "fake_at"))
        reals = sum(map(len, real))
        if self.known is not None and len(self.known) != reals:
            raise UserError(
                f"Kept features are of the real images that are scored; met {len(self.known)} for {reals} images. "
                "Delete the file of kept features."
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
    """Where in the whole each process' rows belong, from the number of the part that each row came in."""
    mine = torch.cat([at.none, *at.pour()])
    parts = gather_all_tensors(mine.to(device)) if world > 1 else [mine]
    number = torch.cat([part.cpu() * world + rank for rank, part in enumerate(parts)])  # k of rank r is k * world + r
    return list(placed(number).split([len(part) for part in parts]))


def placed(number: Tensor) -> Tensor:
    """The place (N,) of each row among all when they are sorted by ``number`` (N,), equals as they come."""
    place = torch.empty_like(number)
    place[number.argsort(stable=True)] = torch.arange(len(number))
    return place


def together(rows: Rows, place: list[Tensor], device: torch.device, world: int) -> Tensor:
    """The rows of all processes in their places, without padding; empty where there are none."""
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
