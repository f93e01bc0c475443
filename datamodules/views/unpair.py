"""A view of a paired set with its pairs broken: training data for papers that learn without pairs."""

import hashlib
import os
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from datamodules.core.order import SampleIndex
from datamodules.core.sources import LabelledImages
from datamodules.core.splits import in_order_of_numbers, number_of
from datamodules.translation import Direction, Domains, PairedDataset, TranslationDataModule
from datamodules.views.base import View
from lightning_cgan.batches import Paired, Unpaired
from lightning_cgan.errors import UserError


class Subset(LabelledImages):
    """The images of ``source`` at ``indices``."""

    def __init__(self, source: LabelledImages, indices: Sequence[int]) -> None:
        self.source, self.indices = source, torch.tensor(indices)
        self.label = source.label[self.indices]

    def images(self, at: SampleIndex) -> Tensor:
        return self.source.images(at._replace(image=self.indices[at.image]))

    def sha256(self) -> str:
        return hashlib.sha256(f"{self.source.sha256()}{self.indices.tolist()}".encode()).hexdigest()


def halves_of(source: LabelledImages) -> tuple[list[int], list[int]]:
    """The indices of the first and of the second half of ``source``, the same in every run.

    In sets of files the name decides, so a pair stays in its half when other files are added or removed, and the halves
    differ slightly in size; each has at least one pair. Other sets are halved in order.
    """
    count, names = len(source.label), source.names()
    if names is None:
        return list(range(count // 2)), list(range(count // 2, count // 2 * 2))
    names = [os.path.splitext(name)[0] for name in names]
    order = in_order_of_numbers(names, range(count), "halves")
    low = sum(number_of(name, "halves") < 0.5 for name in names)
    middle = min(max(low, 1), count - 1)
    return order[:middle], order[middle:]


class UnpairedView(View):
    """Trains on a of the first half of the pairs and on b of the second half, so no training image has its counterpart
    in the other domain. Kim et al. 2017 and Zhu et al. 2017 break the pairs of paired sets in this way.

    Validation and test use the true pairs of ``data``. A pair stays in its half when files are added or removed.

    Args:
        data: the paired set. Batch size, direction and loading options come from it.
        pictures: of each domain to train on, the first of its half; the whole half when None.

    Raises:
        UserError: for a set without pairs, or ``pictures`` below 1. On ``prepare_data`` and ``setup`` if ``pictures``
            is more than half of the set.
    """

    data: TranslationDataModule
    training_batch: ClassVar[type] = Unpaired

    def __init__(self, data: TranslationDataModule, pictures: int | None = None) -> None:
        if data.training_batch is not Paired:
            raise UserError(
                f"UnpairedView breaks the pairs of a paired set; got {type(data).__name__}, which has none. "
                "Set data to this set itself, without UnpairedView."
            )
        if pictures is not None and pictures < 1:
            raise UserError(f"pictures counts images, at least one; got {pictures}. Set data.init_args.pictures.")
        super().__init__(data)
        self.pictures = pictures

    def prepare_data(self) -> None:
        self.data.prepare_data()
        if self.data.run.training:  # before an earlier run is moved
            self.halves()

    def setup(self, stage: str) -> None:
        self.data.setup(stage)
        if stage == "fit":
            self.halves()

    def halves(self) -> Domains:
        """The training images of a and of b, after the direction of ``data``.

        Raises:
            UserError: if ``pictures`` is more than half of the set.
        """
        a, b = self.data.domains("train")
        exchanged = self.data.direction is Direction.b_to_a  # the images are the same in both directions
        first, second = halves_of(b if exchanged else a)
        most = min(len(first), len(second))
        if not 1 <= (self.pictures or 1) <= most:
            raise UserError(
                f"Half of {len(a.label)} pairs gives {most} images of each domain; got {self.pictures or 1}. "
                "Set data.init_args.pictures, or data.init_args.data to a larger set."
            )
        first, second = first[: self.pictures], second[: self.pictures]
        return (Subset(a, second), Subset(b, first)) if exchanged else (Subset(a, first), Subset(b, second))

    def train_dataloader(self) -> DataLoader[Unpaired]:
        return self.data.unpaired_loader(*self.halves())

    def val_dataloader(self) -> DataLoader[Unpaired]:
        return self.eval_loader("val")

    def test_dataloader(self) -> DataLoader[Unpaired]:
        return self.eval_loader("test")

    def eval_loader(self, split: str) -> DataLoader[Unpaired]:
        """The pairs of ``split`` as ``Unpaired`` batches, in the same order."""
        a, b = self.data.eval_sources(split)
        return self.data.loader(PairedDataset((a, b), Unpaired), self.data.eval_order(len(b.label), len(a.label)))

    def probe(self, count: int = 32) -> list[Any]:
        return [Unpaired(*batch) for batch in self.data.probe(count)]
