"""The residual networks of WGAN-GP for CIFAR-10. Gulrajani et al. 2017, appendix; layers of the authors' code.

The blocks are those of ``networks.sngan``, which came after, without spectral norm; features are averaged over the map.
"""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import relu

from lightning_cgan.batches import ImageSpec
from lightning_cgan.networks import sngan


def unchanged(layer: nn.Module) -> nn.Module:
    return layer


class Generator(sngan.Generator):
    """Noise (B, latent_dim) to images (B, C, size, size) in [-1, 1], with batch norm; 128 channels everywhere.

    Args:
        spec: of the images.
        width: the unit of ``sngan.WIDTHS``.
        latent_dim: length of the noise vector.

    Raises:
        UserError: for an image size that is not in ``sngan.WIDTHS``.
    """

    def __init__(self, spec: ImageSpec, width: int = 128, latent_dim: int = 128) -> None:
        super().__init__(spec, width, latent_dim)


class Critic(nn.Module):
    """Images (B, C, size, size) in [-1, 1] to outputs (B,), without any normalisation.

    Args:
        spec: of the images.
        width: the unit of ``sngan.WIDTHS``; 128 channels everywhere at 32 px.

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
                sngan.DownBlock(before, after, place < len(table.halving), first=place == 0, norm=unchanged)
                for place, (before, after) in enumerate(pairwise(channels))
            )
        )
        self.score = sngan.glorot(nn.Linear(channels[-1], 1))

    def forward(self, image: Tensor) -> Tensor:
        features = relu(self.blocks(image)).mean((2, 3))
        return self.score(features).squeeze(1)
