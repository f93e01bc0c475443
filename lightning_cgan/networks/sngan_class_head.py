"""SN-ResNet discriminator with a classifier instead of the projection: the AC-GAN of Miyato & Koyama 2018."""

from torch import Tensor, nn
from torch.nn.functional import relu
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import spectral_norm

from lightning_cgan.batches import ImageSpec
from lightning_cgan.interfaces import with_classes, without_classes
from lightning_cgan.networks import sngan
from lightning_cgan.networks.blocks.spectral import normalise


class Discriminator(nn.Module):
    """SN-ResNet AC-GAN discriminator: images (B, C, size, size) in [-1, 1] to source logits (B,), class logits (B, K).

    Blocks, summed features and source logit are those of the unconditional ``sngan.Discriminator``. The class layer
    has spectral norm too; because features are summed over positions, its logits are still large enough to decide.

    Args:
        spec: image shape and number of classes K.
        width: channels per unit of ``sngan.WIDTHS``; None for the paper's value at this size.

    Raises:
        UserError: for an image size that is not in ``sngan.WIDTHS``, or data without classes.
    """

    def __init__(self, spec: ImageSpec, width: int | None = None) -> None:
        super().__init__()
        with_classes(spec, "A discriminator with a classifier")
        self.trunk = sngan.Discriminator(without_classes(spec), width)
        table = sngan.widths_for(spec)
        features = (table.halving + table.keeping)[-1] * (width or table.width[1])
        self.classes = spectral_norm(sngan.glorot(nn.Linear(features, spec.num_classes)))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        with parametrize.cached():
            normalise(self, image.device.type)
            features = relu(self.trunk.blocks(image)).sum((2, 3))
            return self.trunk.score(features).squeeze(1), self.classes(features)
