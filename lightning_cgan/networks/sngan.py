"""Residual generator and projection discriminator with spectral norm (SN-ResNet).

Miyato et al. 2018; Miyato & Koyama 2018, appendix. Layers, widths and initial values follow the authors' released code;
parameter counts are equal to its networks'.
"""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from math import sqrt
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, relu
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import spectral_norm

from lightning_cgan.batches import ImageSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks.blocks.spectral import normalise


class Widths(NamedTuple):
    """Channels of generator and discriminator for one image size, in units of ``width``."""

    width: tuple[int, int]  # the paper's unit, of the generator and of the discriminator
    generator: tuple[int, ...]  # of the 4x4 map, then after each doubling
    halving: tuple[int, ...]  # after each discriminator block that halves the map
    keeping: tuple[int, ...]  # after each later discriminator block, which keeps the map size
    head_bias: bool = True


# 16 px is not in the paper: the 32 px networks with one doubling less. The other sizes are the paper's.
WIDTHS = {
    16: Widths((256, 128), (1, 1, 1), (1, 1), (1, 1), head_bias=False),
    32: Widths((256, 128), (1, 1, 1, 1), (1, 1), (1, 1), head_bias=False),
    64: Widths((64, 64), (16, 8, 4, 2, 1), (1, 2, 4, 8, 16), ()),
    128: Widths((64, 64), (16, 16, 8, 4, 2, 1), (1, 2, 4, 8, 16), (16,)),
    256: Widths((32, 32), (16, 16, 8, 8, 4, 2, 1), (1, 2, 4, 8, 8, 16), (16,)),
}


def widths_for(spec: ImageSpec) -> Widths:
    """The entry of ``WIDTHS`` for the image size of ``spec``.

    Raises:
        UserError: for a size that is not a power of two from 16 to 256.
    """
    if spec.size not in WIDTHS:
        raise UserError(
            f"The SN-ResNet networks exist for image sizes {', '.join(map(str, WIDTHS))}; "
            f"this data set has {spec.size}. Set data.init_args.size, or other networks in model.init_args."
        )
    return WIDTHS[spec.size]


def glorot(layer: nn.Conv2d | nn.Linear | nn.Embedding, gain: float = 1.0) -> nn.Module:
    """``layer`` with Glorot-uniform weights and biases 0, as Chainer initialises it."""
    nn.init.xavier_uniform_(layer.weight, gain)
    if not isinstance(layer, nn.Embedding) and layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def conv3(in_channels: int, out_channels: int, gain: float = sqrt(2)) -> nn.Module:
    return glorot(nn.Conv2d(in_channels, out_channels, 3, padding=1), gain)


def conv1(in_channels: int, out_channels: int) -> nn.Module:
    return glorot(nn.Conv2d(in_channels, out_channels, 1))


double = partial(interpolate, scale_factor=2, mode="nearest")
halve = partial(avg_pool2d, kernel_size=2)


class ConditionalBatchNorm(nn.Module):
    """Conditional batch norm: (B, C, H, W) and labels (B,) to (B, C, H, W), with a gain and a bias for each class.

    Labels may also be class weights (B, num_classes): gain and bias are then weighted sums over the classes. Running
    statistics are shared by all classes. Without classes this is ordinary batch norm.
    """

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, eps=2e-5, affine=not num_classes)
        if num_classes:
            self.gain = nn.Embedding.from_pretrained(torch.ones(num_classes, channels), freeze=False)
            self.bias = nn.Embedding.from_pretrained(torch.zeros(num_classes, channels), freeze=False)

    def forward(self, x: Tensor, label: Tensor | None) -> Tensor:
        x = self.norm(x)
        if self.norm.affine:
            return x
        weighted = label.is_floating_point()
        rows = (label @ table.weight if weighted else table(label) for table in (self.gain, self.bias))
        gain, bias = (row.to(x.dtype)[:, :, None, None] for row in rows)
        return torch.addcmul(bias, x, gain)


class UpBlock(nn.Module):
    """Residual generator block, (B, in, H, W) and labels (B,) to (B, out, 2H, 2W)."""

    def __init__(self, in_channels: int, out_channels: int, num_classes: int) -> None:
        super().__init__()
        self.norm1 = ConditionalBatchNorm(in_channels, num_classes)
        self.conv1 = conv3(in_channels, out_channels)
        self.norm2 = ConditionalBatchNorm(out_channels, num_classes)
        self.conv2 = conv3(out_channels, out_channels)
        self.skip = conv1(in_channels, out_channels)

    def forward(self, x: Tensor, label: Tensor | None) -> Tensor:
        h = self.conv1(double(relu(self.norm1(x, label))))
        h = self.conv2(relu(self.norm2(h, label)))
        return h + double(self.skip(x))  # a 1x1 convolution and nearest-neighbour upsampling commute


class Generator(nn.Module):
    """SN-ResNet generator: noise (B, latent_dim) and labels (B,) to images (B, C, size, size) in [-1, 1].

    Labels may also be class weights (B, num_classes) float32.

    Args:
        spec: image shape and number of classes; without classes batch norm is unconditional and ``label`` may be None.
        width: channels per unit of ``WIDTHS``; None for the paper's value at this size.
        latent_dim: length of the noise vector.

    Raises:
        UserError: for an image size that is not in ``WIDTHS``.
    """

    def __init__(self, spec: ImageSpec, width: int | None = None, latent_dim: int = 128) -> None:
        super().__init__()
        table = widths_for(spec)
        channels = [unit * (width or table.width[0]) for unit in table.generator]
        self.latent_dim = latent_dim
        self.start = glorot(nn.Linear(latent_dim, channels[0] * 4 * 4))
        self.blocks = nn.ModuleList(UpBlock(before, after, spec.num_classes) for before, after in pairwise(channels))
        self.norm = nn.BatchNorm2d(channels[-1], eps=2e-5)
        self.to_image = conv3(channels[-1], spec.channels, gain=1.0)

    def forward(self, noise: Tensor, label: Tensor | None = None) -> Tensor:
        x = self.start(noise).unflatten(1, (-1, 4, 4))
        for block in self.blocks:
            x = block(x, label)
        return self.to_image(relu(self.norm(x))).tanh()


class DownBlock(nn.Module):
    """Residual discriminator block, (B, in, H, W) to (B, out, H/2, W/2), or (B, out, H, W) without ``halving``.

    The first block of a discriminator takes the image, so it has no ReLU before its first convolution. ``norm`` wraps
    each convolution.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        halving: bool,
        first: bool = False,
        norm: Callable[[nn.Module], nn.Module] = spectral_norm,
    ) -> None:
        super().__init__()
        hidden = out_channels if first else in_channels
        self.first, self.halving = first, halving
        self.conv1 = norm(conv3(in_channels, hidden))
        self.conv2 = norm(conv3(hidden, out_channels))
        learned = halving or in_channels != out_channels
        self.skip = norm(conv1(in_channels, out_channels)) if learned else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv2(relu(self.conv1(x if self.first else relu(x))))
        if not self.halving:
            return h + self.skip(x)
        return halve(h) + self.skip(halve(x))  # a 1x1 convolution and average pooling commute


def projection_logit(features: Tensor, score: Tensor, embedding: Tensor) -> Tensor:
    """Projection logit f(x, y) = <V_y, phi(x)> + psi(phi(x)). Miyato & Koyama 2018, Section 3.

    Args:
        features: (B, C), phi(x).
        score: (B, 1), psi(phi(x)).
        embedding: (B, C), the row of V for each label.

    Returns:
        (B,) logits.
    """
    return score.squeeze(1) + (embedding * features).sum(1)


class Discriminator(nn.Module):
    """Projection discriminator: images (B, C, size, size) in [-1, 1] and labels (B,) to logits (B,).

    Features are *summed* over the positions of the last map. Without classes the logit is the unconditional score.

    Args:
        spec: image shape and number of classes.
        width: channels per unit of ``WIDTHS``; None for the paper's value at this size.

    Raises:
        UserError: for an image size that is not in ``WIDTHS``.
    """

    def __init__(self, spec: ImageSpec, width: int | None = None) -> None:
        super().__init__()
        table = widths_for(spec)
        units = table.halving + table.keeping
        channels = [spec.channels] + [unit * (width or table.width[1]) for unit in units]
        self.blocks = nn.Sequential(
            *(
                DownBlock(before, after, halving=index < len(table.halving), first=index == 0)
                for index, (before, after) in enumerate(pairwise(channels))
            )
        )
        self.score = spectral_norm(glorot(nn.Linear(channels[-1], 1, bias=table.head_bias)))
        self.num_classes = spec.num_classes
        if self.num_classes:
            self.embedding = spectral_norm(glorot(nn.Embedding(spec.num_classes, channels[-1])))

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        with parametrize.cached():
            normalise(self, image.device.type)
            features = relu(self.blocks(image)).sum((2, 3))
            score = self.score(features)
            if not self.num_classes:
                return score.squeeze(1)
            return projection_logit(features, score, self.embedding(label))
