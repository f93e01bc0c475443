"""Discriminators that judge patches. Isola et al., CVPR 2017, Section 3.2.2; layers as in the published code.

Every unit of the map that comes out judges one patch, whose side is the receptive field:

    layers            0   1   2   3    4    5    6
    receptive field   1  16  34  70  142  286  574
"""

from itertools import pairwise

from torch import Tensor, nn

from lightning_cgan.errors import UserError
from lightning_cgan.networks.blocks.norms import Norm
from lightning_cgan.networks.dcgan import initialised

WIDEST = 8  # times the width of the first map


class PatchGAN(nn.Module):
    """Images (B, channels, H, W) in [-1, 1] to logits (B, 1, h, w), one for each patch.

    ``layers`` convolutions halve the map, two more keep its stride: so the published code has it. The paper's
    appendix says that all halve it, which would give none of its receptive fields. With no layers every convolution
    is 1x1 and every pixel is judged by itself, the paper's PixelGAN.

    With batch norm give it real and generated images in separate calls.

    Args:
        channels: of what is judged; where the source is seen too, those of both.
        layers: convolutions that halve the map.
        width: channels of the first map; each one after has twice as many, up to 8 times the width.
        norm: after every convolution but the first and the last.

    Attributes:
        smallest: the least side in pixels of an image that has a patch.

    Raises:
        UserError: for layers below 0.
    """

    def __init__(self, channels: int, layers: int = 3, width: int = 64, norm: Norm = Norm.batch) -> None:
        super().__init__()
        if layers < 0:
            raise UserError(
                f"A PatchGAN has 0, 1, 2, ... halving layers; met {layers}. "
                "Set model.init_args.discriminator.init_args.layers."
            )
        norm = Norm(norm)  # where the default of a paper says the name alone
        self.smallest = 3 * 2**layers if layers else 1
        self.layers = nn.Sequential(
            *(patches(channels, layers, width, norm) if layers else pixels(channels, width, norm))
        )
        initialised(self)

    def forward(self, image: Tensor) -> Tensor:
        return self.layers(image)


def patches(channels: int, halvings: int, width: int, norm: Norm) -> list[nn.Module]:
    """So many convolutions that halve the map and two that do not, 4x4 all."""
    widths = [width * min(2**place, WIDEST) for place in range(halvings + 1)]
    layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
    for place, (before, after) in enumerate(pairwise(widths), start=1):
        stride = 2 if place < halvings else 1
        layers += [
            nn.Conv2d(before, after, 4, stride, padding=1, bias=norm.bias),
            norm.layer(after),
            nn.LeakyReLU(0.2),
        ]
    return [*layers, nn.Conv2d(widths[-1], 1, 4, padding=1)]


def pixels(channels: int, width: int, norm: Norm) -> list[nn.Module]:
    """Three convolutions of 1x1. The last one follows the rule for biases before a norm, in the published code too."""
    return [
        nn.Conv2d(channels, width, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2 * width, 1, bias=norm.bias),
        norm.layer(2 * width),
        nn.LeakyReLU(0.2),
        nn.Conv2d(2 * width, 1, 1, bias=norm.bias),
    ]
