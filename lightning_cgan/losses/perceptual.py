"""Losses of a frozen network's features: Johnson et al. 2016, and Gatys et al. 2016, which they learn to replace.

What a weight means hangs on how the terms are normalised. F is a tap of C channels and P places, flattened to C x P,
of a generated image; F' of the one that it is compared with:

=====================  ==========================  ==================  ===========================
                       feature (content) loss      Gram matrix         style loss of one tap
=====================  ==========================  ==================  ===========================
Johnson, text          sum (F - F')^2 / (C P)      F F^T / (C P)       sum (G - G')^2
Johnson, Lua code      the same                    the same            sum (G - G')^2 / C^2
pytorch/examples       the same                    the same            sum (G - G')^2 / C^2
Gatys, text            sum (F - F')^2 / 2          F F^T               sum (G - G')^2 / (4 C^2 P^2)
Ledig (SRGAN), Eq. 5   sum (F - F')^2 / P          none                none
=====================  ==========================  ==================  ===========================

So Gatys' style loss is a quarter of Johnson's. Their images differ too: in the Lua code and with Gatys they are
Caffe's, pixels from 0 to 255 less their mean, in pytorch/examples they are ImageNet's normalised ones. All losses here
are means over the images of a batch, in float32 whatever the precision of the features, unless they are doubles.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def feature_loss(features: Tensor, target: Tensor) -> Tensor:
    """The mean squared difference of two taps (B, C, H, W). Johnson et al., Equation 2."""
    return (in_full(features) - in_full(target)).square().mean()


def feature_loss_per_place(features: Tensor, target: Tensor) -> Tensor:
    """The squared difference of two taps (B, C, H, W), summed over channels, mean over places. Ledig et al. 2017."""
    return (in_full(features) - in_full(target)).square().sum(1).mean()


def gram_matrix(features: Tensor) -> Tensor:
    """(B, C, H, W) to (B, C, C): products of channels, summed over places, over C H W. Johnson et al., Equation 3.

    It is computed in float32 also inside autocast: the sum over all places would overflow half precision.
    """
    with torch.autocast(features.device.type, enabled=False):
        flat = in_full(features).flatten(2) / features[0].numel() ** 0.5
        return flat @ flat.transpose(1, 2)


def style_loss(gram: Tensor, target: Tensor) -> Tensor:
    """The squared Frobenius norm of the difference of Gram matrices (B, C, C). Johnson et al., Equation 4.

    Args:
        gram: of generated images.
        target: of the style, (C, C) or (B, C, C).
    """
    return (gram - target).square().sum((1, 2)).mean()


def mean_style_loss(gram: Tensor, target: Tensor) -> Tensor:
    """:func:`style_loss` over C^2: the mean over the entries, as Johnson's Lua code and pytorch/examples have it."""
    return style_loss(gram, target) / gram.shape[-1] ** 2


def gatys_content_loss(features: Tensor, target: Tensor) -> Tensor:
    """Half the summed squared difference of two taps (B, C, H, W). Gatys et al. 2016, Equation 1."""
    return (in_full(features) - in_full(target)).square().sum((1, 2, 3)).mean() / 2


def gatys_style_loss(features: Tensor, target: Tensor) -> Tensor:
    """The difference of two taps' Gram matrices over 4 C^2 (H W)^2. Gatys et al. 2016, Equation 4.

    Args:
        features: (B, C, H, W) of generated images.
        target: (1, C, h, w) or (B, C, h, w) of the style. Where it is of another size, each Gram matrix is over its
            own number of places; of the same size that is the paper's.
    """
    return style_loss(gram_matrix(features), gram_matrix(target)) / 4


def total_variation(image: Tensor) -> Tensor:
    """Half the summed squared differences of (B, C, H, W) to the right and downwards neighbour of each pixel.

    The last row and the last column have no such pair of neighbours and are left out, as in the Lua code of Johnson et
    al., which computes this function's gradient and never its value.
    """
    image = in_full(image)
    here = image[..., :-1, :-1]
    right, down = image[..., :-1, 1:] - here, image[..., 1:, :-1] - here
    return (right.square() + down.square()).sum((1, 2, 3)).mean() / 2


def summed(losses: Sequence[Tensor]) -> Tensor:
    """The sum of one loss over several taps."""
    return torch.stack(list(losses)).sum()


def in_full(values: Tensor) -> Tensor:
    """float32, or float64 where it is that."""
    return values if values.dtype == torch.float64 else values.float()
