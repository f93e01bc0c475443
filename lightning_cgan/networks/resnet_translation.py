"""Residual generator of CycleGAN. Zhu et al., ICCV 2017, after Johnson et al. 2016."""

from torch import Tensor, nn

from lightning_cgan.batches import PairSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks.blocks.norms import Norm
from lightning_cgan.networks.dcgan import initialised

MULTIPLE = 4  # two convolutions halve the map, two double it


class ResNet(nn.Module):
    """ResNet generator: images (B, channels_a, H, W) to (B, channels_b, H, W), both in [-1, 1].

    In the paper's notation: c7s1-64, d128, d256, ``blocks`` times R256, u128, u64, c7s1-3. Weight names are those of
    the published code, so ``load_state_dict`` reads its weight files.

    On CUDA the gradient of reflection padding has no deterministic implementation: PyTorch raises an error if
    ``trainer.deterministic`` is true, and warns if it is ``warn``.

    Args:
        spec: shape of both domains.
        width: channels of the first and the last hidden map.
        blocks: residual blocks; 9 for images of 256 pixels and above, 6 for 128.
        norm: norm layer after every convolution except the last.
        dropout: dropout probability inside the blocks.
        resize_convolution: upsample by nearest neighbour and convolve, instead of the paper's transposed convolutions.
            The number of parameters is the same, and no checkerboard artefacts appear (Odena et al. 2016).

    Attributes:
        multiple: H and W must be multiples of it.

    Raises:
        UserError: for images of 4 pixels or fewer, whose innermost map has no pixel to reflect.
    """

    def __init__(
        self,
        spec: PairSpec,
        width: int = 64,
        blocks: int = 9,
        norm: Norm = Norm.instance,
        dropout: float = 0.0,
        resize_convolution: bool = False,
    ) -> None:
        super().__init__()
        if spec.size <= MULTIPLE:
            raise UserError(
                f"This generator takes images of more than {MULTIPLE} pixels a side; got {spec.size}. "
                "Set data.init_args.size."
            )
        self.multiple = MULTIPLE
        up = resized if resize_convolution else transposed
        layers = [nn.ReflectionPad2d(3), nn.Conv2d(spec.channels_a, width, 7, bias=norm.bias)]
        layers += [norm.layer(width), nn.ReLU()]
        for channels in (width, 2 * width):
            halve = nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1, bias=norm.bias)
            layers += [halve, norm.layer(2 * channels), nn.ReLU()]
        layers += [Block(4 * width, norm, dropout) for _ in range(blocks)]
        for channels in (4 * width, 2 * width):
            layers += [up(channels, norm), norm.layer(channels // 2), nn.ReLU()]
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(width, spec.channels_b, 7), nn.Tanh()]
        self.model = nn.Sequential(*layers)
        initialised(self)

    def forward(self, image: Tensor) -> Tensor:
        return self.model(image)


class Block(nn.Module):
    """Residual block, (B, channels, H, W) to the same shape, without an activation after the sum."""

    def __init__(self, channels: int, norm: Norm, dropout: float) -> None:
        super().__init__()
        first = [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3, bias=norm.bias), norm.layer(channels)]
        second = [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3, bias=norm.bias), norm.layer(channels)]
        between = [nn.ReLU(), nn.Dropout(dropout)] if dropout else [nn.ReLU()]
        self.conv_block = nn.Sequential(*first, *between, *second)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)


def transposed(channels: int, norm: Norm) -> nn.Module:
    """Upsampling by transposed convolution, (B, channels, H, W) to (B, channels / 2, 2H, 2W)."""
    return nn.ConvTranspose2d(channels, channels // 2, 3, stride=2, padding=1, output_padding=1, bias=norm.bias)


def resized(channels: int, norm: Norm) -> nn.Module:
    """Upsampling by nearest neighbour and a convolution, (B, channels, H, W) to (B, channels / 2, 2H, 2W)."""
    convolution = nn.Conv2d(channels, channels // 2, 3, bias=norm.bias)
    return nn.Sequential(nn.Upsample(scale_factor=2), nn.ReflectionPad2d(1), convolution)
