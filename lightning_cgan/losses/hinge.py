"""Hinge losses of discriminator and generator. Lim & Ye 2017; Tran et al. 2017; used by Miyato & Koyama 2018."""

from torch import Tensor
from torch.nn.functional import relu


def discriminator_hinge(real: Tensor, fake: Tensor) -> Tensor:
    """mean max(0, 1 - D(real)) + mean max(0, 1 + D(fake)).

    Args:
        real: (B,) logits of real images.
        fake: (K,) logits of generated images, detached from the generator.
    """
    return relu(1 - real).mean() + relu(1 + fake).mean()


def generator_hinge(fake: Tensor) -> Tensor:
    """-mean D(fake). ``fake`` holds the (K,) logits of generated images."""
    return -fake.mean()
