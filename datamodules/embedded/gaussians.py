"""Gaussian mixtures in the plane with known modes, as points or as small images with a spot at each point."""

import math
from typing import Any, ClassVar

import torch
from torch import Tensor

from datamodules.core.sources import InMemory, LabelledImages
from datamodules.labelled import LabelledDataModule
from datamodules.translation import Direction, Domains, TranslationDataModule
from lightning_cgan import keyed
from lightning_cgan.batches import ImageSpec, Mixture, PairSpec, Unpaired, to_bytes
from lightning_cgan.errors import UserError


def ring(modes: int, radius: float, std: float, centre: tuple[float, float] = (0.0, 0.0)) -> Mixture:
    """``modes`` Gaussians at equal angles on a circle around ``centre``."""
    angle = 2 * math.pi * torch.arange(modes, dtype=torch.float64) / modes
    centres = radius * torch.stack([angle.cos(), angle.sin()], 1) + torch.tensor(centre)
    return Mixture(centres.float(), std, extent=1.5 * radius + max(map(abs, centre)))


def grid(side: int, spacing: float, std: float) -> Mixture:
    """``side`` squared Gaussians on a square lattice around the origin."""
    axis = spacing * (torch.arange(side) - (side - 1) / 2)
    return Mixture(torch.cartesian_prod(axis, axis), std, extent=spacing * side * 0.6)


def sample(mixture: Mixture, count: int, *key: str) -> tuple[Tensor, Tensor]:
    """Samples (count, 2) of ``mixture`` and their modes (count,), equally many of each; the seed is fixed."""
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
    """Base of the mixtures. The class of a point is the number of its mode.

    Args:
        mixture: the distribution.
        size: 1 for points, as two channels of one pixel; 16 or larger for grey images of this size with a spot.
        points: number of training points.
        loading: of :class:`~datamodules.LabelledDataModule`.

    Raises:
        UserError: for a size from 2 to 15, or fewer points than modes.
    """

    mixture: Mixture

    def __init__(self, mixture: Mixture, size: int = 1, points: int = 100_000, **loading: Any) -> None:
        if size != 1 and size < 16:
            raise UserError(
                f"Mixtures are points (size 1) or images of at least 16 pixels; got {size}. Set data.init_args.size."
            )
        if points < len(mixture.centre):
            raise UserError(
                f"Each of {len(mixture.centre)} modes has at least one point; got {points}. Set data.init_args.points."
            )
        self.mixture, self.points = mixture, points
        self.spec = ImageSpec(2 if size == 1 else 1, size, len(mixture.centre))
        super().__init__(**loading)

    def load(self, split: str) -> LabelledImages:
        point, label = sample(self.mixture, self.points if split == "train" else 5_000, split)
        if self.spec.size == 1:
            return InMemory(point[:, :, None, None], label)
        return InMemory(to_bytes(spots(point, self.mixture.extent, self.spec.size)), label)


class Ring(Gaussians):
    """Gaussians on a circle; by default eight modes on radius 1.

    Args:
        modes: on the circle.
        radius: of the circle.
        std: standard deviation of each mode along each axis.
        more: of :class:`Gaussians`.
    """

    def __init__(self, modes: int = 8, radius: float = 1.0, std: float = 0.05, **more: Any) -> None:
        super().__init__(ring(modes, radius, std), **more)


class Grid(Gaussians):
    """Gaussians on a square lattice; by default 25 modes.

    Args:
        side: modes in a row.
        spacing: between neighbours.
        std: standard deviation of each mode along each axis.
        more: of :class:`Gaussians`.
    """

    def __init__(self, side: int = 5, spacing: float = 1.0, std: float = 0.05, **more: Any) -> None:
        super().__init__(grid(side, spacing, std), **more)


HELD_OUT = 5_000  # points of each domain to evaluate with


class GaussianPairs(TranslationDataModule):
    """Two rings of Gaussians far apart, the second with more modes, after the toy problem of Kim et al. 2017.

    A correct mapping sends each mode of ``a`` to a different mode of ``b``. The paper states only the numbers of modes.
    With this layout plain GANs merge modes; with rings of equal radius they do not.

    Args:
        modes_a: of the first ring, of radius 0.5 and standard deviation 0.03 around (-2, -2).
        modes_b: of the second ring, of radius 2 and standard deviation 0.1 around (2, 2).
        batch_size: points of each domain in one update, over all processes together.
        points: of each domain to train on.
        evaluation_batch_size: points of each domain in one evaluation batch.
        direction: ``b_to_a`` exchanges the two rings.

    Attributes:
        mixtures: of a and of b after ``direction``, with equal extents, so that plots of both have the same axes.

    Raises:
        UserError: for numbers below 1, or fewer points than modes.
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
                raise UserError(f"A ring has at least one mode; got {modes}. Set data.init_args.{name}.")
        if points < max(modes_a, modes_b):
            raise UserError(
                f"Each of {max(modes_a, modes_b)} modes has at least one point; got {points}. "
                "Set data.init_args.points."
            )
        super().__init__(batch_size, evaluation_batch_size, direction)
        self.points = points
        rings = ring(modes_a, 0.5, 0.03, (-2.0, -2.0)), ring(modes_b, 2.0, 0.1, (2.0, 2.0))
        extent = max(mixture.extent for mixture in rings)
        first, second = (mixture._replace(extent=extent) for mixture in rings)
        self.rings = first, second
        self.mixtures = (second, first) if self.direction is Direction.b_to_a else (first, second)

    def load(self, split: str) -> Domains:
        a, b = (self.points_of(domain, split) for domain in (0, 1))
        return a, b

    def points_of(self, domain: int, split: str) -> InMemory:
        """The points (N, 2, 1, 1) of ring ``domain``, 0 or 1, with their modes as labels."""
        count = self.points if split == "train" else HELD_OUT
        point, label = sample(self.rings[domain], count, "ab"[domain], split)
        return InMemory(point[:, :, None, None], label)
