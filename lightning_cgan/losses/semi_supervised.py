"""Losses of semi-supervised GANs: supervised, unsupervised, feature matching. Salimans et al. 2016.

A classifier with K logits l also acts as the discriminator. With the logit of an extra class "generated" fixed at 0,
D(x) = Z / (Z + 1) where Z = sum_k exp l_k, which is sigmoid(logsumexp l). Z itself is never computed, so nothing
overflows.
"""

from enum import Enum

from torch import Tensor
from torch.nn.functional import cross_entropy, softplus

from lightning_cgan.losses import gan


def real_logit(logits: Tensor) -> Tensor:
    """Discriminator logits (B,) from classifier ``logits`` (B, K): logsumexp over the classes."""
    return logits.logsumexp(1)


def supervised_loss(logits: Tensor, label: Tensor) -> Tensor:
    """Cross-entropy -mean log p(y | x, x is real) of ``logits`` (B, K) and ``label`` (B,) int64."""
    return cross_entropy(logits, label)


def unsupervised_loss(real: Tensor, fake: Tensor) -> Tensor:
    """-1/2 mean log D(real) - 1/2 mean log(1 - D(fake)). The factors 1/2 are in the authors' code, not in the paper.

    Args:
        real: (B, K) logits of unlabelled images.
        fake: (B, K) logits of generated images, detached from the generator.
    """
    return softplus(-real_logit(real)).mean() / 2 + softplus(real_logit(fake)).mean() / 2


def feature_matching(real: Tensor, fake: Tensor) -> Tensor:
    """Mean over features of (E f(x) - E f(G(z)))^2, as in the code for MNIST; features are (B, F) and (K, F)."""
    return (fake.mean(0) - real.mean(0)).square().mean()


def feature_matching_sum(real: Tensor, fake: Tensor) -> Tensor:
    """Sum over features |E f(x) - E f(G(z))|^2, as in the paper; features are (B, F) and (K, F)."""
    return (fake.mean(0) - real.mean(0)).square().sum()


def feature_matching_l1(real: Tensor, fake: Tensor) -> Tensor:
    """Mean over features of |E f(x) - E f(G(z))|, as in the code for CIFAR-10 and SVHN; features (B, F) and (K, F)."""
    return (fake.mean(0) - real.mean(0)).abs().mean()


def non_saturating(logits: Tensor) -> Tensor:
    """-mean log D(G(z)) from classifier ``logits`` (B, K) of generated images."""
    return gan.non_saturating(real_logit(logits))


class GeneratorLoss(Enum):
    """Generator loss of a semi-supervised GAN: one of the feature-matching losses, or the non-saturating GAN loss.

    Each is a function of (real features, fake features, fake logits).
    """

    feature_matching = (lambda real, fake, logits: feature_matching(real, fake),)
    feature_matching_sum = (lambda real, fake, logits: feature_matching_sum(real, fake),)
    feature_matching_l1 = (lambda real, fake, logits: feature_matching_l1(real, fake),)
    non_saturating = (lambda real, fake, logits: non_saturating(logits),)

    def __call__(self, real: Tensor, fake: Tensor, logits: Tensor) -> Tensor:
        return self.value[0](real, fake, logits)
