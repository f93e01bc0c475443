"""Which image comes when: a pure function of (seed, epoch, position), sharded over processes without padding."""

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
    """Places in a data set. ``epoch`` counts the passes over it, and keys augmentation together with ``image``."""

    epoch: Tensor  # (n, B) int64
    image: Tensor  # (n, B) int64


class TrainingOrder(Sampler[SampleIndex]):
    """One item per generator update: the positions of all the batches that it trains on.

    The permutations of successive epochs form one endless stream, cut into batches with nothing dropped between
    epochs. Processes take every ``world``-th position, so together they see the batches that one process would.

    Args:
        count: images in the data set.
        shape: gives for a generator update the number of its critic updates, and the size of each one's batch over
            all processes; a pair of numbers where they never change.
        start: gives the number of generator updates done, asked when iteration begins.
        updates: length of one iteration; one pass over the data when None.
        rank: of this process.
        world: number of processes.
        purpose: two orders of the same images for different ends are independent.

    Raises:
        UserError: if the batch cannot be shared equally by the processes.
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
                f"A batch is shared equally by all processes; {batch_size} images do not divide by {world} processes. "
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
        place = self.place(start)
        for update in range(start, start + self.updates):
            n, batch = self.shape(update)
            yield self.positions(update, place)
            place += n * batch

    def place(self, update: int) -> int:
        """How many images the updates before ``update`` train on."""
        return sum(n * batch for n, batch in map(self.shape, range(update)))

    def positions(self, update: int, place: int | None = None) -> SampleIndex:
        """What generator update number ``update``, counted from 0, trains on in this process.

        Args:
            update: whose images.
            place: ``self.place(update)``, where it is known.
        """
        n, batch = self.shape(update)
        first = self.place(update) if place is None else place
        at = (first + torch.arange(n * batch)).view(n, batch)[:, self.rank :: self.world]
        epoch = at // self.count
        image = torch.empty_like(at)
        for number in epoch.unique().tolist():
            here = epoch == number
            image[here] = self.permutation(number)[at[here] % self.count]
        return SampleIndex(epoch, image)

    def images_of(self, update: int) -> dict[str, list[list[int]]]:
        """The places in the data set of all processes' images of ``update``, a list for each of its batches."""
        whole = TrainingOrder(self.count, self.shape, purpose=self.purpose)
        return {self.purpose: whole.positions(update).image.tolist()}


class ZipSampler(Sampler[tuple[SampleIndex, ...]]):
    """Several orders, one item of each at a time."""

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
    """One evaluation batch: which real images, and which draws are set against them."""

    real: range
    draws: range


class EvaluationOrder(Sampler[EvalRange]):
    """``reals`` real images and ``fakes`` draws in batches that do not depend on the number of processes.

    Process r takes the batches r, r + world, ...; where they do not divide, the last ones are empty, because
    under DDP every process must run equally many.
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


def balanced_draws(keys: range, num_classes: int, classes: list[int] | None = None) -> LatentBatch:
    """Draws whose labels go round ``classes``, all of them by default, so that every class is asked for equally."""
    place = torch.arange(keys.start, keys.stop)
    wanted = torch.tensor(classes if classes else range(max(num_classes, 1)))
    return LatentBatch(label=wanted[place % len(wanted)], noise_id=place)
