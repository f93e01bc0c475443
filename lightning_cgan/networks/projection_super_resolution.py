"""Super-resolution generator, projection and concat discriminators. Miyato & Koyama 2018, Section 5.3.

Layers and widths follow the authors' code, pull request 32 of pfnet-research/sngan_projection.
"""

from itertools import pairwise
from math import log2, sqrt

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, relu
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import spectral_norm

from lightning_cgan.batches import ImageSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks.blocks.spectral import normalise
from lightning_cgan.networks.sngan import DownBlock, conv1, conv3, double, glorot

SMALLEST = 4  # side of the discriminator's last map in pixels


def doublings(spec: ImageSpec, scale: int) -> int:
    """Number of doublings from the low resolution to the image size.

    Raises:
        UserError: for a size or scale that is not a power of two, or a low resolution below 4 pixels.
    """
    steps = log2(scale) if scale > 1 else 0.5
    if steps % 1 or log2(spec.size) % 1 or spec.size // scale < SMALLEST:
        raise UserError(
            f"Super-resolution doubles images of {SMALLEST}, 8, 16, ... pixels until they have the size of the data; "
            f"got size {spec.size} and scale {scale}. Set data.init_args.size, or init_args.scale of both networks."
        )
    return int(steps)


def reduced(image: Tensor, scale: int) -> Tensor:
    """Low resolution (B, C, H/scale, W/scale) of images (B, C, H, W), bilinear with antialiasing: the condition."""
    return interpolate(image, scale_factor=1 / scale, mode="bilinear", antialias=True)


class GeneratorBlock(nn.Module):
    """Residual block, (B, in, H, W) to (B, out, H, W) or, with ``doubling``, to (B, out, 2H, 2W).

    ``noise`` is the number of noise channels concatenated before the first convolution.
    """

    def __init__(self, in_channels: int, out_channels: int, doubling: bool = False, noise: int = 0) -> None:
        super().__init__()
        self.doubling = doubling
        self.norm1 = nn.BatchNorm2d(in_channels, eps=2e-5)
        self.conv1 = conv3(in_channels + noise, out_channels)
        self.norm2 = nn.BatchNorm2d(out_channels, eps=2e-5)
        self.conv2 = conv3(out_channels, out_channels)
        learned = doubling or in_channels != out_channels
        self.skip = conv1(in_channels, out_channels) if learned else nn.Identity()

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        h = relu(self.norm1(x))
        if noise is not None:
            h = torch.cat([h, noise.to(h.dtype)], 1)
        h = self.conv1(double(h) if self.doubling else h)
        h = self.conv2(relu(self.norm2(h)))
        return h + (double(self.skip(x)) if self.doubling else self.skip(x))


class Generator(nn.Module):
    """Generator: low resolution (B, C, size/scale, size/scale) and noise (B, latent_dim) to images (B, C, size, size).

    Images are in [-1, 1]. Four blocks process the low resolution; each doubling then receives its own noise at every
    position.

    Args:
        spec: image shape; labels are not used.
        width: channels of the last map.
        scale: image size divided by that of the low resolution; a power of two.
        noise: noise channels before each doubling.

    Raises:
        UserError: for a size or scale that is not a power of two, or a low resolution below 4 pixels.
    """

    def __init__(self, spec: ImageSpec, width: int = 64, scale: int = 4, noise: int = 128) -> None:
        super().__init__()
        steps = doublings(spec, scale)
        self.scale = scale
        self.noise_shapes = [(noise, *2 * (spec.size // scale * 2**step,)) for step in range(steps)]
        self.latent_dim = sum(c * h * w for c, h, w in self.noise_shapes)
        wide = scale * width
        self.low = nn.Sequential(GeneratorBlock(spec.channels, wide), *(GeneratorBlock(wide, wide) for _ in range(3)))
        channels = [wide // 2**step for step in range(steps + 1)]
        self.up = nn.ModuleList(GeneratorBlock(a, b, doubling=True, noise=noise) for a, b in pairwise(channels))
        self.keep = nn.ModuleList(GeneratorBlock(after, after) for after in channels[1:])
        self.norm = nn.BatchNorm2d(width, eps=2e-5)
        self.to_image = conv3(width, spec.channels, gain=1.0)

    def forward(self, low: Tensor, noise: Tensor) -> Tensor:
        x = self.low(low)
        parts = noise.split([c * h * w for c, h, w in self.noise_shapes], 1)
        for up, keep, part, shape in zip(self.up, self.keep, parts, self.noise_shapes, strict=True):
            x = keep(up(x, part.unflatten(1, shape)))
        return self.to_image(relu(self.norm(x))).tanh()


def projection_logit(projected: Tensor, low: Tensor, score: Tensor) -> Tensor:
    """Projection logit f(x, y) = sum_ijk y_ijk (V * phi(x))_ijk / sqrt(number of values in y) + psi(phi(x)).

    The paper's Equation 10 has the sum without the division. The authors' code divides, which keeps the map
    1-Lipschitz.

    Args:
        projected: (B, C, h, w), V * phi(x), where * is a convolution.
        low: (B, C, h, w), the low resolution y.
        score: (B, 1), psi(phi(x)).

    Returns:
        (B,) logits.
    """
    return (projected * low).flatten(1).sum(1) / sqrt(low[0].numel()) + score.squeeze(1)


class Trunk(nn.Module):
    """Base of both discriminators: blocks from image to low resolution (phi), and from there to one score (psi)."""

    def __init__(self, spec: ImageSpec, width: int, scale: int, joined: int) -> None:
        super().__init__()
        steps = doublings(spec, scale)
        self.scale = scale
        upper = [spec.channels] + [width * 2**step for step in range(steps)]
        self.upper = nn.Sequential(
            *(
                block
                for index, (a, b) in enumerate(pairwise(upper))
                for block in (DownBlock(a, b, halving=True, first=index == 0), DownBlock(b, b, halving=False))
            )
        )
        halvings = int(log2(spec.size // scale // SMALLEST))
        lower = [upper[-1] + joined] + [upper[-1] * 2**step for step in range(1, halvings + 1)]
        lower.append(lower[-1] if halvings else upper[-1])
        self.lower = nn.Sequential(
            *(DownBlock(a, b, halving=index < halvings) for index, (a, b) in enumerate(pairwise(lower)))
        )
        self.score = spectral_norm(glorot(nn.Linear(lower[-1], 1)))

    def pooled(self, x: Tensor) -> Tensor:
        """psi: (B, C, h, w) at the low resolution to (B, 1). Sum over positions divided by the root of their number."""
        h = relu(self.lower(x))
        return self.score(h.sum((2, 3)) / sqrt(h[0, 0].numel()))


class Discriminator(Trunk):
    """Projection discriminator: images (B, C, size, size) and low resolutions (B, C, size/scale, size/scale) to (B,).

    Args:
        spec: image shape; labels are not used.
        width: channels after the first block.
        scale: image size divided by that of the low resolution; a power of two.

    Raises:
        UserError: for a size or scale that is not a power of two, or a low resolution below 4 pixels.
    """

    def __init__(self, spec: ImageSpec, width: int = 64, scale: int = 4) -> None:
        super().__init__(spec, width, scale, joined=0)
        self.project = spectral_norm(conv3(width * scale // 2, spec.channels, gain=1.0))

    def forward(self, image: Tensor, low: Tensor) -> Tensor:
        with parametrize.cached():
            normalise(self, image.device.type)
            features = self.upper(image)
            return projection_logit(self.project(features).float(), low, self.pooled(features))


class ConcatDiscriminator(Trunk):
    """Concat baseline: the low resolution is concatenated to the map of its size. Used as :class:`Discriminator`."""

    def __init__(self, spec: ImageSpec, width: int = 64, scale: int = 4) -> None:
        super().__init__(spec, width, scale, joined=spec.channels)

    def forward(self, image: Tensor, low: Tensor) -> Tensor:
        with parametrize.cached():
            normalise(self, image.device.type)
            return self.pooled(torch.cat([self.upper(image), low], 1)).squeeze(1)
