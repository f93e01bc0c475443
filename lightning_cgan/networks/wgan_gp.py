"""Residual generator and critic of WGAN-GP for CIFAR-10. Gulrajani et al. 2017, appendix.

Layers are those of the authors' code: the blocks of the later ``networks.sngan`` without spectral norm. Features are
averaged over the map.
"""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import relu

from lightning_cgan.batches import ImageSpec
from lightning_cgan.networks import sngan


def unchanged(layer: nn.Module) -> nn.Module:
    return layer


class Generator(sngan.Generator):
    """WGAN-GP generator: noise (B, latent_dim) to images (B, C, size, size) in [-1, 1], with batch norm.

    Args:
        spec: image shape.
        width: channels per unit of ``sngan.WIDTHS``; 128 channels in every layer at 32 px.
        latent_dim: length of the noise vector.

    Raises:
        UserError: for an image size that is not in ``sngan.WIDTHS``.
    """

    def __init__(self, spec: ImageSpec, width: int = 128, latent_dim: int = 128) -> None:
        super().__init__(spec, width, latent_dim)


class Critic(nn.Module):
    """WGAN-GP critic: images (B, C, size, size) in [-1, 1] to unbounded outputs (B,), without normalisation.

    Args:
        spec: image shape.
        width: channels per unit of ``sngan.WIDTHS``; 128 channels in every layer at 32 px.

    Raises:
        UserError: for an image size that is not in ``sngan.WIDTHS``.
    """

    def __init__(self, spec: ImageSpec, width: int | None = None) -> None:
        super().__init__()
        table = sngan.widths_for(spec)
        units = table.halving + table.keeping
        channels = [spec.channels] + [unit * (width or table.width[1]) for unit in units]
        self.blocks = nn.Sequential(
            *(
                sngan.DownBlock(before, after, index < len(table.halving), first=index == 0, norm=unchanged)
                for index, (before, after) in enumerate(pairwise(channels))
            )
        )
        self.score = sngan.glorot(nn.Linear(channels[-1], 1))

    def forward(self, image: Tensor) -> Tensor:
        features = relu(self.blocks(image)).mean((2, 3))
        return self.score(features).squeeze(1)
