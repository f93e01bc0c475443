"""PatchGAN discriminators, which classify image patches. Isola et al., CVPR 2017, Section 3.2.2.

Layers are those of the published code. Each unit of the output map classifies one patch, whose side in pixels is the
receptive field:

    layers            0   1   2   3    4    5    6
    receptive field   1  16  34  70  142  286  574
"""

from itertools import pairwise

from torch import Tensor, nn

from lightning_cgan.errors import UserError
from lightning_cgan.networks.blocks.norms import Norm
from lightning_cgan.networks.dcgan import initialised

WIDEST = 8  # largest width, in multiples of the first map's


class PatchGAN(nn.Module):
    """PatchGAN discriminator: images (B, channels, H, W) in [-1, 1] to logits (B, 1, h, w), one for each patch.

    ``layers`` convolutions of stride 2 are followed by two of stride 1, as in the published code. The paper's appendix
    says that all have stride 2, which would give none of its receptive fields. With 0 layers every convolution is 1x1
    and every pixel is classified on its own: the paper's PixelGAN.

    With batch norm, real and generated images need separate calls.

    Args:
        channels: channels of the input; those of source and image together where both are given.
        layers: number of convolutions that halve the map.
        width: channels of the first map; each later map has twice as many, up to 8 times the width.
        norm: norm layer after every convolution except the first and the last.

    Attributes:
        smallest: smallest image side in pixels for which the output map is not empty.

    Raises:
        UserError: for layers below 0.
    """

    def __init__(self, channels: int, layers: int = 3, width: int = 64, norm: Norm = Norm.batch) -> None:
        super().__init__()
        if layers < 0:
            raise UserError(
                f"A PatchGAN has 0, 1, 2, ... halving layers; got {layers}. "
                "Set model.init_args.discriminator.init_args.layers."
            )
        norm = Norm(norm)  # a paper's default may be the plain string
        self.smallest = 3 * 2**layers if layers else 1
        self.layers = nn.Sequential(
            *(patches(channels, layers, width, norm) if layers else pixels(channels, width, norm))
        )
        initialised(self)

    def forward(self, image: Tensor) -> Tensor:
        return self.layers(image)


def patches(channels: int, halvings: int, width: int, norm: Norm) -> list[nn.Module]:
    """Layers of a PatchGAN: ``halvings`` 4x4 convolutions of stride 2, then two of stride 1."""
    widths = [width * min(2**index, WIDEST) for index in range(halvings + 1)]
    layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
    for index, (before, after) in enumerate(pairwise(widths), start=1):
        stride = 2 if index < halvings else 1
        layers += [
            nn.Conv2d(before, after, 4, stride, padding=1, bias=norm.bias),
            norm.layer(after),
            nn.LeakyReLU(0.2),
        ]
    return [*layers, nn.Conv2d(widths[-1], 1, 4, padding=1)]


def pixels(channels: int, width: int, norm: Norm) -> list[nn.Module]:
    """Layers of a PixelGAN: three 1x1 convolutions. The last has a bias if ``norm.bias``, as in the published code."""
    return [
        nn.Conv2d(channels, width, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2 * width, 1, bias=norm.bias),
        norm.layer(2 * width),
        nn.LeakyReLU(0.2),
        nn.Conv2d(2 * width, 1, 1, bias=norm.bias),
    ]
