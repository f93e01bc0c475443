"""Content loss of super-resolution, on pixels or on features of frozen networks. Ledig et al. 2017, Section 2.2.1."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from lightning_cgan.losses.perceptual import feature_loss_per_place, summed

RESCALING = 1 / 12.75  # factor on VGG features that brings their loss to the scale of a pixel loss


def content_loss(
    fake: Tensor,
    real: Tensor,
    pixel_loss: Callable[[Tensor, Tensor], Tensor],
    features: Sequence[nn.Module] = (),
    rescaling: float = RESCALING,
) -> Tensor:
    """Feature distance between generated and real images; ``pixel_loss`` if ``features`` is empty.

    The feature distance is Equation 5, summed over all taps of all networks. Equation 5 divides the sum over channels
    and positions by the number of positions only; many implementations also divide by the number of channels, 512 in
    the paper's deepest tap.

    Args:
        fake: (B, C, H, W) generated images.
        real: (B, C, H, W) ground-truth images in [-1, 1].
        pixel_loss: a function of (fake, real).
        features: frozen networks from images to lists of taps.
        rescaling: factor on the features, so the loss is scaled by its square; the paper's 1 / 12.75 gives 0.006.
    """
    if not features:
        return pixel_loss(fake.float(), real)
    with torch.no_grad():
        real_taps = [tap for network in features for tap in network(real)]
    fake_taps = [tap for network in features for tap in network(fake)]
    return rescaling**2 * summed([feature_loss_per_place(*pair) for pair in zip(fake_taps, real_taps, strict=True)])
