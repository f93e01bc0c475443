"""Pairs of mixtures for the discovery of relations: two domains, and nothing that says which point belongs to which."""

from typing import ClassVar

import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader, Dataset

from datamodules.gaussians import Gaussians, ring
from datamodules.order import EvaluationOrder, InStep, Positions, Slices
from datamodules.sources import LabelledImages
from lightning_cgan.contract import Labelled, Reference, Unpaired


class Both(Dataset[Unpaired]):
    """Answers a pair of ``Positions``, one for each domain."""

    def __init__(self, a: LabelledImages, b: LabelledImages) -> None:
        self.a, self.b = a, b

    def __getitem__(self, at: tuple[Positions, Positions]) -> Unpaired:
        return Unpaired(self.a.images(at[0]), self.b.images(at[1]))


class BothInOrder(Both):
    """Answers ``Slices`` with one batch of each domain, for evaluation."""

    def __getitem__(self, at: Slices) -> Unpaired:
        index = torch.arange(at.real.start, at.real.stop)
        places = Positions(torch.zeros_like(index), index)
        return super().__getitem__((places, places))


class GaussianPairs(LightningDataModule):
    """Two rings of Gaussians far apart, the second with more modes: after the toy problem of Kim et al. 2017.

    A relation that is found sends each of the modes of ``a`` to a mode of ``b`` of its own.

    Args:
        modes_a: of the first ring, of radius 0.5 and standard deviation 0.03 around (-2, -2).
        modes_b: of the second ring, of radius 2 and standard deviation 0.1 around (2, 2).
        size: 1 gives points, two channels of one pixel; 16 and more grey images of this size with a spot.
        batch_size: points of each domain in one critic update, over all processes together.
        points: in each training set.
        evaluation_batch_size: points of each domain in one evaluation batch.

    Raises:
        ValueError: for sizes between 2 and 15, or numbers below one.
    """

    training_batch: ClassVar[type] = Unpaired

    def __init__(
        self,
        modes_a: int = 5,
        modes_b: int = 10,
        size: int = 1,
        batch_size: int = 100,
        points: int = 100_000,
        evaluation_batch_size: int = 250,
    ) -> None:
        super().__init__()
        for name, modes in (("modes_a", modes_a), ("modes_b", modes_b)):
            if modes < 1:
                raise ValueError(f"A ring has one mode or more; met {modes}. Set data.init_args.{name}.")
        rings = ring(modes_a, 0.5, 0.03, (-2.0, -2.0)), ring(modes_b, 2.0, 0.1, (2.0, 2.0))
        extent = max(mixture.extent for mixture in rings)  # one square for both, so that one place is one place
        loading = {"batch_size": batch_size, "evaluation_batch_size": evaluation_batch_size}
        self.a, self.b = (Gaussians(m._replace(extent=extent), size, points, **loading) for m in rings)
        self.mixtures = self.a.mixture, self.b.mixture
        self.spec = self.a.spec._replace(num_classes=0)

    def setup(self, stage: str) -> None:
        for domain in (self.a, self.b):
            domain.trainer = self.trainer
            domain.setup(stage)

    def reference(self, split: str) -> Reference:
        """The target domain's images."""
        return self.b.reference(split)

    def train_dataloader(self) -> DataLoader[Unpaired]:
        sources = self.a.source("train"), self.b.source("train")
        orders = (self.a.training_order(len(s.label), f"domain {k}") for k, s in zip("ab", sources, strict=True))
        return self.a.loader(Both(*sources), InStep(*orders))

    def val_dataloader(self) -> DataLoader[Unpaired]:
        return self.evaluation_loader("val")

    def test_dataloader(self) -> DataLoader[Unpaired]:
        return self.evaluation_loader("test")

    def evaluation_loader(self, split: str) -> DataLoader[Unpaired]:
        a, b = self.a.source(split), self.b.source(split)
        order: EvaluationOrder = self.a.shared(min(len(a.label), len(b.label)), 0)
        return self.a.loader(BothInOrder(a, b), order)

    def on_after_batch_transfer(self, batch: Unpaired, dataloader_idx: int) -> Unpaired:
        label = torch.zeros(0)
        a, b = (self.a.on_after_batch_transfer(Labelled(side, label), 0).image for side in batch)
        return Unpaired(a, b)
