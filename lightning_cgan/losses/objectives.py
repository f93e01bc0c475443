"""What a discriminator and a generator play for, as pairs of losses, where an experiment may choose the pair."""

from collections.abc import Callable
from enum import Enum

from torch import Tensor

from lightning_cgan.losses import gan, hinge, least_squares


class Objective(Enum):
    """A loss of the logits (real, fake) for the discriminator, and one of the logits (fake) for the generator.

    The generator's minimax loss is the one of the value function; with the non-saturating loss Goodfellow et al. train.
    """

    minimax = (gan.discriminator_loss, gan.minimax)
    non_saturating = (gan.discriminator_loss, gan.non_saturating)
    hinge = (hinge.discriminator_hinge, hinge.generator_hinge)
    least_squares = (least_squares.discriminator_least_squares, least_squares.generator_least_squares)

    def __init__(self, discriminator: Callable[[Tensor, Tensor], Tensor], generator: Callable[[Tensor], Tensor]):
        self.discriminator = discriminator
        self.generator = generator
