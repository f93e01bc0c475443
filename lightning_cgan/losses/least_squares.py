"""Losses of least-squares GANs with targets 0 and 1, for discriminator and generator. Mao et al. 2017."""

from torch import Tensor


def discriminator_least_squares(real: Tensor, fake: Tensor) -> Tensor:
    """1/2 mean (D(real) - 1)^2 + 1/2 mean D(fake)^2.

    Args:
        real: (B,) outputs for real images.
        fake: (K,) outputs for generated images, detached from the generator.
    """
    return (real - 1).square().mean() / 2 + fake.square().mean() / 2


def generator_least_squares(fake: Tensor) -> Tensor:
    """1/2 mean (D(fake) - 1)^2. ``fake`` holds the (K,) outputs for generated images."""
    return (fake - 1).square().mean() / 2


def generator_least_squares_undivided(fake: Tensor) -> Tensor:
    """mean (D(fake) - 1)^2, twice :func:`generator_least_squares`: in CycleGAN and the published code of pix2pix.

    ``fake`` holds the outputs for generated images, of any shape.
    """
    return (fake - 1).square().mean()
