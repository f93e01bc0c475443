"""Losses of Wasserstein GANs: critic, generator and drift terms.

Arjovsky et al. 2017; Gulrajani et al. 2017; Karras et al. 2018.
"""

from torch import Tensor


def critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """mean f(fake) - mean f(real), the negative Wasserstein estimate. Arjovsky et al. 2017, Algorithm 1.

    Args:
        real: (B,) outputs of the critic for real images.
        fake: (K,) outputs for generated images, detached from the generator.
    """
    return fake.mean() - real.mean()


def generator_loss(fake: Tensor) -> Tensor:
    """-mean f(fake). ``fake`` holds the critic's (K,) outputs for generated images."""
    return -fake.mean()


def drift(real: Tensor) -> Tensor:
    """mean f(real)^2, which keeps the critic's outputs (B,) near zero. Karras et al. 2018, Appendix A.1.

    The weight is left to the caller.
    """
    return real.square().mean()
