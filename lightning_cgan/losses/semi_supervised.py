"""The losses of semi-supervised GANs. Salimans et al. 2016.

A classifier with K logits l is a discriminator too: with the logit of a class "generated" fixed at 0,
D(x) = Z / (Z + 1), Z = sum_k exp l_k, which is the sigmoid of logsumexp l. No exponential is taken alone.
"""

from enum import Enum

from torch import Tensor
from torch.nn.functional import cross_entropy, softplus

from lightning_cgan.losses import gan


def real_logit(logits: Tensor) -> Tensor:
    """The discriminator's logits (B,) of a classifier's ``logits`` (B, K)."""
    return logits.logsumexp(1)


def supervised_loss(logits: Tensor, label: Tensor) -> Tensor:
    """-mean log p(y | x, x is real): the cross-entropy of ``logits`` (B, K) with ``label`` (B,)."""
    return cross_entropy(logits, label)


def unsupervised_loss(real: Tensor, fake: Tensor) -> Tensor:
    """-1/2 mean log D(real) - 1/2 mean log(1 - D(fake)). The halves are the authors' code's, the paper has none.

    Args:
        real: (B, K) logits of unlabelled images.
        fake: (B, K) logits of generated images, detached from the generator.
    """
    return softplus(-real_logit(real)).mean() / 2 + softplus(real_logit(fake)).mean() / 2


def feature_matching(real: Tensor, fake: Tensor) -> Tensor:
    """The mean over features of (E f(x) - E f(G(z)))^2, for features (B, F) and (K, F); as the code for MNIST."""
    return (fake.mean(0) - real.mean(0)).square().mean()


def feature_matching_sum(real: Tensor, fake: Tensor) -> Tensor:
    """|E f(x) - E f(G(z))|^2, the sum over features; as the paper writes it."""
    return (fake.mean(0) - real.mean(0)).square().sum()


def feature_matching_l1(real: Tensor, fake: Tensor) -> Tensor:
    """The mean over features of |E f(x) - E f(G(z))|; as the code for CIFAR-10 and SVHN."""
    return (fake.mean(0) - real.mean(0)).abs().mean()


def non_saturating(logits: Tensor) -> Tensor:
    """-mean log D(G(z)) for the classifier's ``logits`` (B, K) of generated images."""
    return gan.non_saturating(real_logit(logits))


class GeneratorLoss(Enum):
    """What the generator is trained to: to match features of real images, or to pass for real.

    Each is a function of the features of real images, and the features and logits of generated ones.
    """

    feature_matching = (lambda real, fake, logits: feature_matching(real, fake),)
    feature_matching_sum = (lambda real, fake, logits: feature_matching_sum(real, fake),)
    feature_matching_l1 = (lambda real, fake, logits: feature_matching_l1(real, fake),)
    non_saturating = (lambda real, fake, logits: non_saturating(logits),)

    def __call__(self, real: Tensor, fake: Tensor, logits: Tensor) -> Tensor:
        return self.value[0](real, fake, logits)
