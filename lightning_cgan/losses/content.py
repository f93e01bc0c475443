"""What an image in super-resolution is held to: its pixels or its features. Ledig et al. 2017, Section 2.2.1."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from lightning_cgan.losses.perceptual import feature_loss_per_place, summed

RESCALING = 1 / 12.75  # of VGG's features, which brings their loss to the size of a pixel loss


def content_loss(
    fake: Tensor,
    real: Tensor,
    pixel_loss: Callable[[Tensor, Tensor], Tensor],
    features: Sequence[nn.Module] = (),
    rescaling: float = RESCALING,
) -> Tensor:
    """The distance of the features, or ``pixel_loss`` where there is no network for them.

    It is Equation 5, summed over all taps of the networks. There the sum over the channels is divided by the places
    alone; many programs divide by the channels too, 512 in the paper's deepest tap.

    Args:
        fake: (B, C, H, W) generated images.
        real: (B, C, H, W) in [-1, 1], what they should be.
        pixel_loss: of the two.
        features: frozen networks, images -> taps.
        rescaling: a factor on the features; the paper's 1 / 12.75 makes 0.006 on the loss.
    """
    if not features:
        return pixel_loss(fake.float(), real)
    with torch.no_grad():
        wanted = [tap for network in features for tap in network(real)]
    found = [tap for network in features for tap in network(fake)]
    return rescaling**2 * summed([feature_loss_per_place(*pair) for pair in zip(found, wanted, strict=True)])
