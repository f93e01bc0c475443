"""Generators of pix2pix: U-Net, and encoder-decoder without skips. Isola et al., CVPR 2017, Section 3.2.1.

Level k of the encoder halves the map, level k of the decoder doubles it; skips concatenate maps of equal size:

    image -> 1 -> 2 -> ... -> depth
             |    |             |
    image <- 1 <- 2 <- ... <- depth

Layers, norms and biases are those of the published PyTorch code; dropout is that of the paper.
"""

import torch
from torch import Tensor, nn

from lightning_cgan.batches import PairSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks.blocks.norms import Norm
from lightning_cgan.networks.dcgan import initialised

DEEPEST = 8  # default number of levels at 256 pixels and above
WIDEST = 8  # largest width, in multiples of the first map's


class UNet(nn.Module):
    """U-Net generator: images (B, channels_a, H, W) to (B, channels_b, H, W), both in [-1, 1].

    Dropout is the only noise. The innermost map has no norm: at 256 pixels it is 1x1, and normalising a single image
    would set it to zero (an error in the paper that its authors corrected).

    Args:
        spec: shape of both domains.
        depth: number of levels; by default as many as reduce ``spec.size`` to one pixel, at most 8.
        width: channels of the first map; each later level has twice as many, up to 8 times the width.
        norm: norm layer of all levels, except the first encoder and decoder and the last encoder.
        skips: False for the encoder-decoder.
        dropout: dropout probability in the innermost decoders.
        dropout_levels: number of decoders with dropout, counted from the innermost. The published PyTorch code skips
            the innermost one and has dropout in the three after it.
        biases: whether convolutions before a norm have a bias, which has no effect. By default only before instance
            norm, as in the published PyTorch code; the authors' first code has them everywhere.

    Attributes:
        multiple: H and W must be multiples of it.

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
                f"A U-Net has at least 2 levels; got {depth}, for images of {spec.size} pixels. "
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
    """Encoder level, (B, in, 2H, 2W) to (B, out, H, W): activation (unless ``first``), convolution, norm (if given)."""
    activation = [] if first else [nn.LeakyReLU(0.2)]
    normed = [] if norm is None else [norm.layer(out_channels)]
    return nn.Sequential(*activation, halve(in_channels, out_channels, bias), *normed)


def decoder(in_channels: int, out_channels: int, bias: bool, norm: Norm, dropout: float) -> nn.Module:
    """Decoder level, (B, in, H, W) to (B, out, 2H, 2W): ReLU, transposed convolution, norm, dropout (if not 0)."""
    dropped = [nn.Dropout(dropout)] if dropout else []
    return nn.Sequential(nn.ReLU(), double(in_channels, out_channels, bias), norm.layer(out_channels), *dropped)
