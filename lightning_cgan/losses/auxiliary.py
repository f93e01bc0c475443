"""The class loss of GANs with an auxiliary classifier. Odena et al. 2017, Section 3.

Which images it is taken on, and with what weight, differs from paper to paper and stays with the caller:

==============================  =======================  ======
                                discriminator            generator
==============================  =======================  ======
Odena et al. 2017               real and generated, 1    1
Gulrajani et al. 2017 (code)    real, 1                  0.1
StudioGAN's ACGAN-Mod (code)    real, 1                  1
Karras et al. 2018 (code)       real and generated, 1    1
==============================  =======================  ======
"""

from torch import Tensor
from torch.nn.functional import cross_entropy


def class_loss(logits: Tensor, label: Tensor) -> Tensor:
    """-mean log P(C = label | X): log K for a classifier that knows nothing.

    Args:
        logits: (B, K), of real or of generated images.
        label: (B,), the class of each real image, or the one that a generated image was asked for.
    """
    return cross_entropy(logits, label)
