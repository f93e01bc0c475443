"""Losses of the original GAN: discriminator, minimax generator, non-saturating generator.

Goodfellow et al. 2014, Equation 1 and Section 3.

D(x) is the sigmoid of a logit. All losses use log sigmoid(x) = -softplus(-x), which is finite for every finite logit.
"""

from torch import Tensor
from torch.nn.functional import softplus


def discriminator_loss(real: Tensor, fake: Tensor, smooth: float = 1.0) -> Tensor:
    """-mean log D(real) - mean log(1 - D(fake)).

    Args:
        real: (B,) logits of real images.
        fake: (K,) logits of generated images, detached from the generator.
        smooth: target of the real images; below 1 it is one-sided label smoothing (Salimans et al. 2016, Section 3.4).
    """
    return smooth * softplus(-real).mean() + (1 - smooth) * softplus(real).mean() + softplus(fake).mean()


def minimax(fake: Tensor) -> Tensor:
    """mean log(1 - D(fake)), the value that D maximises and G minimises.

    Its gradient vanishes where D rejects the generated images with confidence. ``fake`` holds their (K,) logits.
    """
    return -softplus(fake).mean()


def non_saturating(fake: Tensor) -> Tensor:
    """-mean log D(fake): same fixed point as :func:`minimax`, but a strong gradient where D is confident.

    ``fake`` holds the (K,) logits of generated images.
    """
    return softplus(-fake).mean()
