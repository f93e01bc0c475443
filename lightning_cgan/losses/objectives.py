"""Pairs of discriminator and generator loss, for papers whose adversarial loss is chosen in the experiment file."""

from collections.abc import Callable
from enum import Enum

from torch import Tensor

from lightning_cgan.losses import gan, hinge, least_squares


class Objective(Enum):
    """An adversarial loss: ``discriminator(real, fake)`` and ``generator(fake)``, both functions of logits.

    ``minimax`` gives the generator the loss of the value function; ``non_saturating`` is what Goodfellow et al. train
    with.
    """

    minimax = (gan.discriminator_loss, gan.minimax)
    non_saturating = (gan.discriminator_loss, gan.non_saturating)
    hinge = (hinge.discriminator_hinge, hinge.generator_hinge)
    least_squares = (least_squares.discriminator_least_squares, least_squares.generator_least_squares)

    def __init__(self, discriminator: Callable[[Tensor, Tensor], Tensor], generator: Callable[[Tensor], Tensor]):
        self.discriminator = discriminator
        self.generator = generator
