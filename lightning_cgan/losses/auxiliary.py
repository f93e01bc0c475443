"""Class loss of GANs with an auxiliary classifier (AC-GAN). Odena et al. 2017, Section 3.

Which images enter the loss, and with what weight, differs between papers and is left to the caller:

==============================  ==========================  ===========================
                                discriminator               generator
                                (images, weight)            (generated images, weight)
==============================  ==========================  ===========================
Odena et al. 2017               real and generated, 1       1
Gulrajani et al. 2017 (code)    real, 1                     0.1
StudioGAN's ACGAN-Mod (code)    real, 1                     1
Karras et al. 2018 (code)       real and generated, 1       1
==============================  ==========================  ===========================
"""

from torch import Tensor
from torch.nn.functional import cross_entropy


def class_loss(logits: Tensor, label: Tensor) -> Tensor:
    """Cross-entropy -mean log P(C = label | X); log K for a uniform prediction over K classes.

    Args:
        logits: (B, K) class logits of real or generated images.
        label: (B,) int64, the class of each real image, or the class that each generated image is conditioned on.
    """
    return cross_entropy(logits, label)
