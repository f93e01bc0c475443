"""Perceptual losses: feature, style and total-variation terms. Johnson et al. 2016; Gatys et al. 2016.

The meaning of a loss weight depends on how the terms are normalised. F is a tap with C channels and P positions,
flattened to C x P, of a generated image; F' is the tap of the image it is compared with; G and G' are their Gram
matrices:

=====================  ==========================  ==================  ===========================
                       feature (content) loss      Gram matrix         style loss of one tap
=====================  ==========================  ==================  ===========================
Johnson, text          sum (F - F')^2 / (C P)      F F^T / (C P)       sum (G - G')^2
Johnson, Lua code      the same                    the same            sum (G - G')^2 / C^2
pytorch/examples       the same                    the same            sum (G - G')^2 / C^2
Gatys, text            sum (F - F')^2 / 2          F F^T               sum (G - G')^2 / (4 C^2 P^2)
Ledig (SRGAN), Eq. 5   sum (F - F')^2 / P          none                none
=====================  ==========================  ==================  ===========================

So Gatys' style loss is a quarter of Johnson's. The input images differ too: the Lua code and Gatys use the Caffe
convention, pixels in [0, 255] minus the mean; pytorch/examples uses ImageNet normalisation. All losses here are means
over the images of a batch, computed in float32 whatever the precision of the features; float64 stays float64.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def feature_loss(features: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference of two taps (B, C, H, W). Johnson et al. 2016, Equation 2."""
    return (in_full(features) - in_full(target)).square().mean()


def feature_loss_per_place(features: Tensor, target: Tensor) -> Tensor:
    """Squared difference of two taps (B, C, H, W): channel sum, position mean. Ledig et al. 2017, Equation 5."""
    return (in_full(features) - in_full(target)).square().sum(1).mean()


def gram_matrix(features: Tensor) -> Tensor:
    """Gram matrix (B, C, C) of features (B, C, H, W): channel products summed over positions, divided by C H W.

    Johnson et al. 2016, Equation 3. Computed in float32 also under autocast, because the sum over all positions would
    overflow float16.
    """
    with torch.autocast(features.device.type, enabled=False):
        flat = in_full(features).flatten(2) / features[0].numel() ** 0.5
        return flat @ flat.transpose(1, 2)


def style_loss(gram: Tensor, target: Tensor) -> Tensor:
    """Squared Frobenius norm of the difference of two Gram matrices. Johnson et al. 2016, Equation 4.

    Args:
        gram: (B, C, C), of generated images.
        target: (C, C) or (B, C, C), of the style images.
    """
    return (gram - target).square().sum((1, 2)).mean()


def mean_style_loss(gram: Tensor, target: Tensor) -> Tensor:
    """:func:`style_loss` divided by C^2, the mean over entries, as in Johnson's Lua code and pytorch/examples."""
    return style_loss(gram, target) / gram.shape[-1] ** 2


def gatys_content_loss(features: Tensor, target: Tensor) -> Tensor:
    """Half the sum of squared differences of two taps (B, C, H, W). Gatys et al. 2016, Equation 1."""
    return (in_full(features) - in_full(target)).square().sum((1, 2, 3)).mean() / 2


def gatys_style_loss(features: Tensor, target: Tensor) -> Tensor:
    """Squared difference of two taps' Gram matrices, divided by 4 C^2 (H W)^2. Gatys et al. 2016, Equation 4.

    Args:
        features: (B, C, H, W) of generated images.
        target: (1, C, h, w) or (B, C, h, w) of style images. Each Gram matrix is divided by its own number of
            positions, which equals the paper's formula when both have the same size.
    """
    return style_loss(gram_matrix(features), gram_matrix(target)) / 4


def total_variation(image: Tensor) -> Tensor:
    """Half the sum of squared differences between each pixel of (B, C, H, W) and its right and lower neighbours.

    The last row and column lack one of the two neighbours and are left out, as in the Lua code of Johnson et al., which
    computes only the gradient of this function.
    """
    image = in_full(image)
    pixel = image[..., :-1, :-1]
    right, down = image[..., :-1, 1:] - pixel, image[..., 1:, :-1] - pixel
    return (right.square() + down.square()).sum((1, 2, 3)).mean() / 2


def summed(losses: Sequence[Tensor]) -> Tensor:
    """Sum of the losses (scalars) of several taps."""
    return torch.stack(list(losses)).sum()


def in_full(values: Tensor) -> Tensor:
    """``values`` as float32; float64 stays float64."""
    return values if values.dtype == torch.float64 else values.float()
