"""The generators of pix2pix: U-Net, and the encoder-decoder without its skips. Isola et al., CVPR 2017, Section 3.2.1.

Level k of the encoder halves the map, level k of the decoder doubles it back; a skip joins what both have at one size:

    image -> 1 -> 2 -> ... -> depth
             |    |             |
    image <- 1 <- 2 <- ... <- depth

Layers, and which of them have a norm and a bias, are those of the published PyTorch code, the dropout is the paper's.
"""

import torch
from torch import Tensor, nn

from lightning_cgan.batches import PairSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks.blocks.norms import Norm
from lightning_cgan.networks.dcgan import initialised

DEEPEST = 8  # levels, at 256 pixels and above
WIDEST = 8  # times the width of the first map


class UNet(nn.Module):
    """Images (B, channels_a, H, W) to (B, channels_b, H, W), both in [-1, 1]; H and W are multiples of ``multiple``.

    Dropout is the only noise. The innermost map has no norm: at 256 pixels it is one pixel, which a norm of one image
    would set to zero (a mistake of the paper that its authors put right).

    Args:
        spec: of the two domains.
        depth: levels; by default so many that the encoder ends in one pixel at the size of ``spec``, and 8 at most.
        width: channels of the first map; each level after has twice as many, up to 8 times the width.
        norm: of all levels, except the first one's encoder and decoder and the last one's encoder.
        skips: False for the encoder-decoder.
        dropout: probability that a value of the innermost decoders is set to 0.
        dropout_levels: number of decoders that drop, counted from the innermost. The published PyTorch code leaves
            the innermost one out and takes the three after it.
        biases: before each norm, where they do nothing. By default only before instance norm, as the published
            PyTorch code has them; the authors' first code has them everywhere.

    Attributes:
        multiple: the sides of images are multiples of it.

    Raises:
        UserError: for a depth below 2.
    """

    def __init__(
        self,
        spec: PairSpec,
        depth: int | None = None,
        width: int = 64,
        norm: Norm = Norm.batch,
        skips: bool = True,
        dropout: float = 0.5,
        dropout_levels: int = 3,
        biases: bool | None = None,
    ) -> None:
        super().__init__()
        depth = min(spec.size.bit_length() - 1, DEEPEST) if depth is None else depth
        if depth < 2:
            raise UserError(
                f"A U-Net has at least 2 levels; met {depth}, for images of {spec.size} pixels. "
                "Set model.init_args.generator.init_args.depth, or data.init_args.size."
            )
        bias = norm.bias if biases is None else biases
        widths = [width * min(2**level, WIDEST) for level in range(depth)]
        self.skips, self.multiple = skips, 2**depth
        self.down = nn.ModuleList(
            encoder(before, after, bias, norm if 0 < level < depth - 1 else None, first=level == 0)
            for level, (before, after) in enumerate(zip([spec.channels_a, *widths], widths, strict=False))
        )
        self.up = nn.ModuleList(
            decoder(
                widths[level] * (2 if skips and level < depth - 1 else 1),
                widths[level - 1],
                bias,
                norm,
                dropout if level >= depth - dropout_levels else 0.0,
            )
            for level in reversed(range(1, depth))
        )
        self.to_image = nn.Sequential(nn.ReLU(), double(widths[0] * (2 if skips else 1), spec.channels_b), nn.Tanh())
        initialised(self)

    def forward(self, image: Tensor) -> Tensor:
        maps = [image]
        for down in self.down:
            maps.append(down(maps[-1]))
        x = maps.pop()
        for up in self.up:
            x, skipped = up(x), maps.pop()
            x = torch.cat([skipped, x], 1) if self.skips else x
        return self.to_image(x)


def halve(in_channels: int, out_channels: int, bias: bool) -> nn.Module:
    return nn.Conv2d(in_channels, out_channels, 4, stride=2, padding=1, bias=bias)


def double(in_channels: int, out_channels: int, bias: bool = True) -> nn.Module:
    return nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1, bias=bias)


def encoder(in_channels: int, out_channels: int, bias: bool, norm: Norm | None, first: bool) -> nn.Module:
    """(B, in, 2H, 2W) to (B, out, H, W): activation but for the first, convolution, norm but for first and last."""
    activation = [] if first else [nn.LeakyReLU(0.2)]
    normed = [] if norm is None else [norm.layer(out_channels)]
    return nn.Sequential(*activation, halve(in_channels, out_channels, bias), *normed)


def decoder(in_channels: int, out_channels: int, bias: bool, norm: Norm, dropout: float) -> nn.Module:
    """(B, in, H, W) to (B, out, 2H, 2W)."""
    dropped = [nn.Dropout(dropout)] if dropout else []
    return nn.Sequential(nn.ReLU(), double(in_channels, out_channels, bias), norm.layer(out_channels), *dropped)
