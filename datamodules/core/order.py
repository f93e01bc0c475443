"""Samplers: image order as a pure function of (seed, epoch, position), sharded over processes without padding."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Sampler

from lightning_cgan import keyed
from lightning_cgan.batches import LatentBatch
from lightning_cgan.errors import UserError


class SampleIndex(NamedTuple):
    """Indices into a data set. ``epoch`` counts the passes over it; (epoch, image) keys augmentation."""

    epoch: Tensor  # (n, B) int64
    image: Tensor  # (n, B) int64


class TrainingOrder(Sampler[SampleIndex]):
    """One item per generator update: the indices of all the batches that it trains on.

    The permutations of successive epochs form one endless stream, cut into batches with nothing dropped between
    epochs. Processes take every ``world``-th position, so together they see the batches that one process would.

    Args:
        count: images in the data set.
        shape: maps a generator update to the number of its critic updates and the batch size of each over all
            processes; a pair of numbers where these are constant.
        start: returns the number of generator updates done; called when iteration begins.
        updates: length of one iteration; one pass over the data when None.
        rank: of this process.
        world: number of processes.
        purpose: key of the permutations; orders of different purposes are independent.

    Raises:
        UserError: if the batch size is not a multiple of the number of processes.
    """

    def __init__(
        self,
        count: int,
        shape: tuple[int, int] | Callable[[int], tuple[int, int]],
        start: Callable[[], int] = lambda: 0,
        updates: int | None = None,
        rank: int = 0,
        world: int = 1,
        purpose: str = "order",
    ) -> None:
        self.count, self.purpose, self.shape = count, purpose, shape if callable(shape) else lambda update: shape
        n_critic, batch_size = self.shape(0)
        if batch_size % world:
            raise UserError(
                f"A batch is shared equally by all processes; got {batch_size} images for {world} processes. "
                "Set data.init_args.batch_size to a multiple of trainer.devices * trainer.num_nodes."
            )
        self.start, self.rank, self.world = start, rank, world
        self.updates = updates or -(-count // (n_critic * batch_size))
        self.permutation = lru_cache(maxsize=2)(self._permutation)

    def _permutation(self, epoch: int) -> Tensor:
        return torch.randperm(self.count, generator=keyed.generator(self.purpose, epoch))

    def __len__(self) -> int:
        return self.updates

    def __iter__(self) -> Iterator[SampleIndex]:
        start = self.start()
        first = self.first(start)
        for update in range(start, start + self.updates):
            n, batch = self.shape(update)
            yield self.positions(update, first)
            first += n * batch

    def first(self, update: int) -> int:
        """The number of images that the updates before ``update`` train on."""
        return sum(n * batch for n, batch in map(self.shape, range(update)))

    def positions(self, update: int, first: int | None = None) -> SampleIndex:
        """The indices that generator update ``update``, counted from 0, trains on in this process.

        Args:
            update: number of the generator update.
            first: ``self.first(update)``, if known.
        """
        n, batch = self.shape(update)
        first = self.first(update) if first is None else first
        at = (first + torch.arange(n * batch)).view(n, batch)[:, self.rank :: self.world]
        epoch = at // self.count
        image = torch.empty_like(at)
        for number in epoch.unique().tolist():
            here = epoch == number
            image[here] = self.permutation(number)[at[here] % self.count]
        return SampleIndex(epoch, image)

    def images_of(self, update: int) -> dict[str, list[list[int]]]:
        """The indices of the images of ``update`` in all processes, a list for each of its batches."""
        whole = TrainingOrder(self.count, self.shape, purpose=self.purpose)
        return {self.purpose: whole.positions(update).image.tolist()}


class ZipSampler(Sampler[tuple[SampleIndex, ...]]):
    """Several orders in step, one item of each at a time."""

    def __init__(self, *orders: TrainingOrder) -> None:
        self.orders = orders

    def __len__(self) -> int:
        return min(map(len, self.orders))

    def __iter__(self) -> Iterator[tuple[SampleIndex, ...]]:
        return zip(*self.orders, strict=False)

    def images_of(self, update: int) -> dict[str, list[list[int]]]:
        """:meth:`TrainingOrder.images_of` of each order, by its purpose."""
        return {purpose: images for order in self.orders for purpose, images in order.images_of(update).items()}


class EvalRange(NamedTuple):
    """One evaluation batch: the ranges of its real images and of its generated ones."""

    real: range
    fake: range


class EvaluationOrder(Sampler[EvalRange]):
    """``reals`` real images and ``fakes`` generated ones in batches that do not depend on the number of processes.

    Process r takes batches r, r + world, ...; if their number is not a multiple of world, the last ones are empty,
    because under DDP every process must run equally many.
    """

    def __init__(self, reals: int, fakes: int, batch_size: int, rank: int = 0, world: int = 1) -> None:
        batches = -(-max(reals, fakes) // batch_size)
        edges = [(reals * step // batches, fakes * step // batches) for step in range(batches + 1)]
        spans = [EvalRange(range(a, c), range(b, d)) for (a, b), (c, d) in pairwise(edges)]
        spans += [EvalRange(range(0), range(0))] * (-batches % world)
        self.mine = spans[rank::world]

    def __len__(self) -> int:
        return len(self.mine)

    def __iter__(self) -> Iterator[EvalRange]:
        return iter(self.mine)


def balanced_latents(keys: range, num_classes: int, classes: list[int] | None = None) -> LatentBatch:
    """Latents whose labels cycle through ``classes`` (default: all), so each is generated equally often."""
    noise_id = torch.arange(keys.start, keys.stop)
    wanted = torch.tensor(classes if classes else range(max(num_classes, 1)))
    return LatentBatch(label=wanted[noise_id % len(wanted)], noise_id=noise_id)
