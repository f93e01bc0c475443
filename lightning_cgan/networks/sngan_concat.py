"""SN-ResNet discriminator with the label concatenated to a hidden map: the "concat" baseline of Miyato & Koyama 2018.

The position of the concatenation and the parameter counts follow the authors' released code.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import relu
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import spectral_norm

from lightning_cgan.batches import ImageSpec
from lightning_cgan.interfaces import with_classes
from lightning_cgan.networks.blocks.spectral import normalise
from lightning_cgan.networks.sngan import DownBlock, glorot, widths_for


class Discriminator(nn.Module):
    """Concat discriminator: images (B, C, size, size) in [-1, 1] and labels (B,) to logits (B,).

    The label embedding is repeated over all positions and concatenated to the map after half of the blocks, rounded up:
    after the third of six at 128 px, as in the authors' code, and after the second of four at 16 and 32 px.

    Args:
        spec: image shape and number of classes.
        width: channels per unit of ``sngan.WIDTHS``; None for the paper's value at this size.
        embedding_dim: channels of the embedding.

    Raises:
        UserError: for an image size that is not in ``sngan.WIDTHS``, or data without classes.
    """

    def __init__(self, spec: ImageSpec, width: int | None = None, embedding_dim: int = 128) -> None:
        super().__init__()
        with_classes(spec, "The concat discriminator")
        table = widths_for(spec)
        units = table.halving + table.keeping
        channels = [spec.channels] + [unit * (width or table.width[1]) for unit in units]
        half = (len(units) + 1) // 2
        blocks = [
            DownBlock(before + embedding_dim * (index == half), after, index < len(table.halving), first=index == 0)
            for index, (before, after) in enumerate(pairwise(channels))
        ]
        self.before, self.after = nn.Sequential(*blocks[:half]), nn.Sequential(*blocks[half:])
        self.embedding = spectral_norm(glorot(nn.Embedding(spec.num_classes, embedding_dim)))
        self.score = spectral_norm(glorot(nn.Linear(channels[-1], 1, bias=table.head_bias)))

    def forward(self, image: Tensor, label: Tensor) -> Tensor:
        with parametrize.cached():
            normalise(self, image.device.type)
            x = self.before(image)
            condition = self.embedding(label)[:, :, None, None].to(x.dtype).expand(-1, -1, *x.shape[2:])
            x = self.after(torch.cat([x, condition], 1))
            return self.score(relu(x).sum((2, 3))).squeeze(1)
