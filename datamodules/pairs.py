"""Pairs of mixtures for the discovery of relations: two domains, and nothing that says which point belongs to which."""

from typing import ClassVar

from datamodules.gaussians import drawn, ring
from datamodules.sources import InMemory
from datamodules.translation import Batch, Direction, Domains, TranslationDataModule
from lightning_cgan.contract import PairSpec, Unpaired

HELD_OUT = 5_000  # points of each domain to evaluate with


class GaussianPairs(TranslationDataModule):
    """Two rings of Gaussians far apart, the second with more modes: after the toy problem of Kim et al. 2017.

    A relation that is found sends each of the modes of ``a`` to a mode of ``b`` of its own. The paper gives the numbers
    of modes alone. With this layout plain GANs merge modes; with rings of equal radius they do not.

    Args:
        modes_a: of the first ring, of radius 0.5 and standard deviation 0.03 around (-2, -2).
        modes_b: of the second ring, of radius 2 and standard deviation 0.1 around (2, 2).
        batch_size: points of each domain in one update, over all processes together.
        points: of each domain to train on.
        evaluation_batch_size: points of each domain in one evaluation batch.
        direction: ``b_to_a`` changes the two rings over.

    Attributes:
        mixtures: of a and of b after ``direction``; both have one extent, so that one place in a picture is one place.

    Raises:
        ValueError: for numbers below one, or fewer points than modes.
    """

    training_batch: ClassVar[type] = Unpaired
    spec = PairSpec(2, 2, 1)  # a point is an image of one pixel, its coordinates the channels

    def __init__(
        self,
        modes_a: int = 5,
        modes_b: int = 10,
        batch_size: int = 100,
        points: int = 100_000,
        evaluation_batch_size: int = 1_000,
        direction: Direction = Direction.a_to_b,
    ) -> None:
        for name, modes in (("modes_a", modes_a), ("modes_b", modes_b)):
            if modes < 1:
                raise ValueError(f"A ring has one mode or more; met {modes}. Set data.init_args.{name}.")
        if points < max(modes_a, modes_b):
            raise ValueError(
                f"Every one of {max(modes_a, modes_b)} modes has a point; met {points}. Set data.init_args.points."
            )
        super().__init__(batch_size, evaluation_batch_size, direction)
        self.points = points
        rings = ring(modes_a, 0.5, 0.03, (-2.0, -2.0)), ring(modes_b, 2.0, 0.1, (2.0, 2.0))
        extent = max(mixture.extent for mixture in rings)
        self.rings = tuple(mixture._replace(extent=extent) for mixture in rings)
        self.mixtures = self.rings[::-1] if self.direction is Direction.b_to_a else self.rings

    def load(self, split: str) -> Domains:
        a, b = (self.drawn(domain, split) for domain in (0, 1))
        return a, b

    def drawn(self, domain: int, split: str) -> InMemory:
        """The points (N, 2, 1, 1) of one of the two rings, and the modes that they are of."""
        count = self.points if split == "train" else HELD_OUT
        point, label = drawn(self.rings[domain], count, "ab"[domain], split)
        return InMemory(point[:, :, None, None], label)

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        return batch  # points are floats from the start
