"""Random batches of every kind for a case, and what a case is."""

from collections.abc import Callable
from typing import NamedTuple

import torch

from lightning_cgan.batches import Labelled, PartlyLabelled
from lightning_cgan.optimize import Adam
from tests.golden.weights import normal

UPDATES = 3


class Case(NamedTuple):
    """A module that is trained, and one batch for each generator update."""

    model: Callable
    batches: list
    images: Callable | None = None  # of the trained module in eval mode, compared too


def image(key, *shape):
    return (normal(key, shape) / 2).clamp(-1, 1)


def labelled(spec, n=1, size=3):
    """Batches of ``size`` images; ``n`` says for how many updates of the discriminator, of each update or of all."""
    shape = (size, spec.channels, spec.size, spec.size)
    counts = [n] * UPDATES if isinstance(n, int) else n
    return [
        Labelled(image(f"real {at}", count, *shape), torch.arange(count * size).view(count, size).add(at) % 3)
        for at, count in enumerate(counts)
    ]


def partly_labelled(spec, size=4):
    shape = (size, spec.channels, spec.size, spec.size)
    return [
        PartlyLabelled(*batch, image(f"unlabelled {at}", 1, 2, *shape))
        for at, batch in enumerate(labelled(spec, size=size))
    ]


def two_domains(spec, kind, size=2):
    low = spec.size // spec.scale
    a, b = (size, spec.channels_a, low, low), (size, spec.channels_b, spec.size, spec.size)
    return [kind(image(f"a {at}", 1, *a), image(f"b {at}", 1, *b)) for at in range(UPDATES)]


def falling(update, end):
    """A schedule that acts within three updates: 1, 2/3 and 1/3 of the learning rate."""
    return 1 - update / end


def quick(parameters):
    """An optimizer with other settings than any paper's, for one of two networks: they keep theirs apart."""
    return Adam(parameters, lr=3e-3, beta1=0.3, beta2=0.8)
