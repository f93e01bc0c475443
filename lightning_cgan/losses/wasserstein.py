"""The losses of Wasserstein GANs. Arjovsky et al. 2017; Gulrajani et al. 2017; Karras et al. 2018."""

from torch import Tensor


def critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """mean f(fake) - mean f(real): minus the estimate of the Wasserstein distance. Arjovsky et al. 2017, Algorithm 1.

    Args:
        real: (B,) outputs of the critic for real images.
        fake: (K,) outputs for generated images, detached from the generator.
    """
    return fake.mean() - real.mean()


def generator_loss(fake: Tensor) -> Tensor:
    """-mean f(fake). ``fake`` holds the critic's (K,) outputs for generated images."""
    return -fake.mean()


def drift(real: Tensor) -> Tensor:
    """mean f(real)^2, which keeps the critic's outputs near zero. Karras et al. 2018, Appendix A.1."""
    return real.square().mean()
