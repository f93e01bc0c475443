"""Mixtures of Gaussians in the plane, whose modes are known: as points, or as tiny images of a spot at each point."""

import math
from typing import Any, ClassVar

import torch
from torch import Tensor

from datamodules.core.sources import InMemory, LabelledImages
from datamodules.labelled import LabelledDataModule
from datamodules.translation import Batch, Direction, Domains, TranslationDataModule
from lightning_cgan import keyed
from lightning_cgan.batches import EvalBatch, ImageSpec, Labelled, LatentBatch, Mixture, PairSpec, Unpaired, to_bytes
from lightning_cgan.errors import UserError


def ring(modes: int, radius: float, std: float, centre: tuple[float, float] = (0.0, 0.0)) -> Mixture:
    """``modes`` Gaussians at equal angles on a circle around ``centre``."""
    angle = 2 * math.pi * torch.arange(modes, dtype=torch.float64) / modes
    places = radius * torch.stack([angle.cos(), angle.sin()], 1) + torch.tensor(centre)
    return Mixture(places.float(), std, extent=1.5 * radius + max(map(abs, centre)))


def grid(side: int, spacing: float, std: float) -> Mixture:
    """``side`` squared Gaussians on a square lattice around the origin."""
    axis = spacing * (torch.arange(side) - (side - 1) / 2)
    return Mixture(torch.cartesian_prod(axis, axis), std, extent=spacing * side * 0.6)


def drawn(mixture: Mixture, count: int, *key: str) -> tuple[Tensor, Tensor]:
    """(count, 2) points of ``mixture`` and the (count,) modes they are of, equally many of each; the seed is fixed."""
    label = torch.arange(count) % len(mixture.centre)
    noise = torch.randn(count, 2, generator=keyed.generator("gaussians", *key, seed=0))
    return mixture.centre[label] + mixture.std * noise, label


def spots(point: Tensor, extent: float, size: int) -> Tensor:
    """(N, 2) points to (N, 1, size, size) images in [-1, 1] of a bright spot at each.

    The square from -extent to extent fills the image; x runs right and y down. A spot's standard deviation is a
    sixteenth of the image, at least one pixel.
    """
    centre = (point / extent + 1) / 2 * (size - 1)
    pixel = torch.arange(size)
    x, y = (((pixel - centre[:, axis, None]) / max(size / 16, 1.0)).square() for axis in (0, 1))
    return 2 * torch.exp(-(y[:, :, None] + x[:, None, :]) / 2)[:, None] - 1


class Gaussians(LabelledDataModule):
    """Base of the mixtures. The class of a point is its mode.

    Args:
        mixture: where the modes are.
        size: 1 gives points, two channels of one pixel; larger gives grey images of this size with a spot.
        points: in the training set.
        loading: of :class:`~datamodules.LabelledDataModule`.

    Raises:
        UserError: for a size that cannot show a spot.
    """

    def __init__(self, mixture: Mixture, size: int = 1, points: int = 100_000, **loading: Any) -> None:
        if size != 1 and size < 16:
            raise UserError(
                f"Mixtures are points (size 1) or images of 16 pixels and more; met {size}. Set data.init_args.size."
            )
        if points < len(mixture.centre):
            raise UserError(
                f"Every one of {len(mixture.centre)} modes has a point; met {points}. Set data.init_args.points."
            )
        self.mixture, self.points = mixture, points
        self.spec = ImageSpec(2 if size == 1 else 1, size, len(mixture.centre))
        super().__init__(**loading)

    def load(self, split: str) -> LabelledImages:
        point, label = drawn(self.mixture, self.points if split == "train" else 5_000, split)
        if self.spec.size == 1:
            return InMemory(point[:, :, None, None], label)
        return InMemory(to_bytes(spots(point, self.mixture.extent, self.spec.size)), label)

    def on_after_batch_transfer(
        self, batch: Labelled | EvalBatch | LatentBatch, dataloader_idx: int
    ) -> Labelled | EvalBatch | LatentBatch:
        return batch if self.spec.size == 1 else super().on_after_batch_transfer(batch, dataloader_idx)


class Ring(Gaussians):
    """Eight modes on a circle of radius 1, unless told otherwise.

    Args:
        modes: on the circle.
        radius: of the circle.
        std: of each mode.
        more: of :class:`Gaussians`.
    """

    def __init__(self, modes: int = 8, radius: float = 1.0, std: float = 0.05, **more: Any) -> None:
        super().__init__(ring(modes, radius, std), **more)


class Grid(Gaussians):
    """Twenty-five modes on a square lattice, unless told otherwise.

    Args:
        side: modes in a row.
        spacing: between neighbours.
        std: of each mode.
        more: of :class:`Gaussians`.
    """

    def __init__(self, side: int = 5, spacing: float = 1.0, std: float = 0.05, **more: Any) -> None:
        super().__init__(grid(side, spacing, std), **more)


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
        UserError: for numbers below one, or fewer points than modes.
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
                raise UserError(f"A ring has one mode or more; met {modes}. Set data.init_args.{name}.")
        if points < max(modes_a, modes_b):
            raise UserError(
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
