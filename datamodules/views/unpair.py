"""A paired set with its pairs broken: what papers that learn without pairs are trained on, and still measured by."""

import hashlib
import os
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from datamodules.base import DataModule
from datamodules.core.order import SampleIndex, ZipSampler
from datamodules.core.sources import ConcatSource, LabelledImages
from datamodules.core.splits import in_order_of_numbers, number_of
from datamodules.translation import Direction, Domains, PairedDataset, TranslationDataModule
from lightning_cgan.batches import EvalBatch, Paired, PairSpec, Reference, SourceImages, Unpaired
from lightning_cgan.errors import UserError


class Chosen(LabelledImages):
    """Some images of a set: those at ``places``."""

    def __init__(self, source: LabelledImages, places: Sequence[int]) -> None:
        self.source, self.place = source, torch.tensor(places)
        self.label = source.label[self.place]

    def images(self, at: SampleIndex) -> Tensor:
        return self.source.images(at._replace(image=self.place[at.image]))

    def sha256(self) -> str:
        return hashlib.sha256(f"{self.source.sha256()}{self.place.tolist()}".encode()).hexdigest()


def halved(source: LabelledImages) -> tuple[list[int], list[int]]:
    """The places of the first and of the second half of ``source``, the same in every run.

    In sets of files a name decides, so that a pair stays in its half when others come or go, and the halves differ a
    little in size; each has one pair at least. Other sets have their halves in order.
    """
    count, names = len(source.label), source.names()
    if names is None:
        return list(range(count // 2)), list(range(count // 2, count // 2 * 2))
    names = [os.path.splitext(name)[0] for name in names]
    order = in_order_of_numbers(names, range(count), "halves")
    low = sum(number_of(name, "halves") < 0.5 for name in names)
    middle = min(max(low, 1), count - 1)
    return order[:middle], order[middle:]


class UnpairedView(DataModule):
    """Trains on the set's a from the first half of its pairs and on its b from the second half: nothing in one domain
    has its counterpart in the other. Kim et al. 2017 and Zhu et al. 2017 break the pairs of paired sets so.

    Validation and test are those of ``data``, true pairs. Which half a pair is in stays when others come or go.

    Args:
        data: the paired set. How large batches are, which direction, and all other loading, is its affair.
        pictures: of each domain to train on, the first of its half; the whole half when None.

    Raises:
        UserError: for a set without pairs, or fewer pictures than one. On ``prepare_data`` and ``setup`` for more
            pictures than half the set has.
    """

    training_batch: ClassVar[type] = Unpaired
    evaluates_pairs = True

    def __init__(self, data: TranslationDataModule, pictures: int | None = None) -> None:
        super().__init__()
        if data.training_batch is not Paired:
            raise UserError(
                f"Halves breaks the pairs of a paired set; {type(data).__name__} has none. "
                "Set data to this set itself, without Halves."
            )
        if pictures is not None and pictures < 1:
            raise UserError(f"pictures counts images, at least one; met {pictures}. Set data.init_args.pictures.")
        self.data, self.protocol, self.pictures = data, data.protocol, pictures

    @property
    def spec(self) -> PairSpec:
        return self.data.spec

    def state_dict(self) -> dict[str, Any]:
        return self.data.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.data.load_state_dict(state_dict)

    @property
    def palette(self) -> Tensor | None:
        return self.data.palette

    @property
    def labels_in(self) -> str | None:
        return self.data.labels_in

    def prepare_data(self) -> None:
        self.data.prepare_data()
        if getattr(self.trainer, "training", True):  # no trainer yet: before an earlier run is moved
            self.halves()

    def setup(self, stage: str) -> None:
        self.data.trainer = self.trainer
        self.data.setup(stage)
        if stage == "fit":
            self.halves()

    def halves(self) -> Domains:
        """What is trained on, after the set's direction."""
        a, b = self.data.domains("train")
        turned = self.data.direction is Direction.b_to_a  # the same images, whichever way they are translated
        first, second = halved(b if turned else a)
        most = min(len(first), len(second))
        if not 1 <= (self.pictures or 1) <= most:
            raise UserError(
                f"Half of {len(a.label)} pairs gives {most} images of each domain; asked for {self.pictures or 1}. "
                "Set data.init_args.pictures, or data.init_args.data to a larger set."
            )
        first, second = first[: self.pictures], second[: self.pictures]
        return (Chosen(a, second), Chosen(b, first)) if turned else (Chosen(a, first), Chosen(b, second))

    def train_dataloader(self) -> DataLoader[Unpaired]:
        a, b = self.halves()
        of_a, of_b = (self.data.training_order(len(a.label), f"domain {side}", len(a.label)) for side in "ab")
        return self.data.loader(PairedDataset((a, b), Unpaired), ZipSampler(of_a, of_b))

    def val_dataloader(self) -> DataLoader[Unpaired]:
        return self.evaluation_loader("val")

    def test_dataloader(self) -> DataLoader[Unpaired]:
        return self.evaluation_loader("test")

    def evaluation_loader(self, split: str) -> DataLoader[Unpaired]:
        a, b = self.data.measured(split)
        return self.data.loader(PairedDataset((a, b), Unpaired), self.data.shared(len(b.label), len(a.label)))

    def predict_dataloader(self) -> DataLoader[SourceImages]:
        return self.data.predict_dataloader()

    def probe(self, count: int = 32) -> list[Unpaired]:
        return [Unpaired(*batch) for batch in self.data.probe(count)]

    def reference(self, split: str) -> Reference:
        return self.data.reference(split)

    def images(self, split: str, most: int | None = None) -> ConcatSource:
        return self.data.images(split, most)

    def image_loader(self, split: str, most: int | None = None) -> DataLoader[EvalBatch]:
        return self.data.image_loader(split, most)

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        return self.data.on_after_batch_transfer(batch, dataloader_idx)
