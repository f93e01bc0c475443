"""The residual networks of spectrally normalised GANs. Miyato et al. 2018; Miyato & Koyama 2018, appendix.

Layers, widths and initial values follow the authors' released code: the parameter counts are equal to it.
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
    """Channels in units of ``width``."""

    width: tuple[int, int]  # the paper's unit for the generator and for the discriminator
    generator: tuple[int, ...]  # of the 4x4 map, then after each doubling
    halving: tuple[int, ...]  # after each discriminator block that halves the map
    keeping: tuple[int, ...]  # after each discriminator block behind those, which keeps its size
    head_bias: bool = True


# 16 px is ours, the 32 px networks less one doubling; the rest are the paper's.
WIDTHS = {
    16: Widths((256, 128), (1, 1, 1), (1, 1), (1, 1), head_bias=False),
    32: Widths((256, 128), (1, 1, 1, 1), (1, 1), (1, 1), head_bias=False),
    64: Widths((64, 64), (16, 8, 4, 2, 1), (1, 2, 4, 8, 16), ()),
    128: Widths((64, 64), (16, 16, 8, 4, 2, 1), (1, 2, 4, 8, 16), (16,)),
    256: Widths((32, 32), (16, 16, 8, 8, 4, 2, 1), (1, 2, 4, 8, 8, 16), (16,)),
}


def widths_for(spec: ImageSpec) -> Widths:
    """The row of ``WIDTHS`` for ``spec``.

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
    """Glorot-uniform weights and zero biases, as Chainer's initialiser draws them."""
    nn.init.xavier_uniform_(layer.weight, gain)
    bias = getattr(layer, "bias", None)
    if bias is not None:
        nn.init.zeros_(bias)
    return layer


def conv3(in_channels: int, out_channels: int, gain: float = sqrt(2)) -> nn.Module:
    return glorot(nn.Conv2d(in_channels, out_channels, 3, padding=1), gain)


def conv1(in_channels: int, out_channels: int) -> nn.Module:
    return glorot(nn.Conv2d(in_channels, out_channels, 1))


double = partial(interpolate, scale_factor=2, mode="nearest")
halve = partial(avg_pool2d, kernel_size=2)


class ConditionalBatchNorm(nn.Module):
    """Batch normalisation whose gain and bias are looked up by class. (B, C, H, W) and (B,) labels to (B, C, H, W).

    Labels may also be weights (B, num_classes): gain and bias are then the weighted sums of the classes'. The running
    statistics are shared by all classes. Without classes this is ordinary batch normalisation.
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
    """(B, in, H, W) and (B,) labels to (B, out, 2H, 2W)."""

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
        return h + double(self.skip(x))  # a 1x1 convolution and nearest doubling commute


class Generator(nn.Module):
    """Noise (B, latent_dim) and labels (B,), or weights of the classes, to images (B, C, size, size) in [-1, 1].

    Args:
        spec: of the images; without classes the normalisation is unconditional and ``label`` may be None.
        width: the unit of ``WIDTHS``; None is the paper's for this size.
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
    """(B, in, H, W) to (B, out, H/2, W/2), or to (B, out, H, W) where it does not halve.

    The first block of a discriminator sees the image itself, so nothing is rectified before its first layer.
    ``norm`` wraps each convolution.
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
    """f(x, y) = <V_y, phi(x)> + psi(phi(x)). Miyato & Koyama 2018, Section 3.

    Args:
        features: (B, C), phi(x).
        score: (B, 1), psi(phi(x)).
        embedding: (B, C), the row of V for each label.

    Returns:
        (B,) logits.
    """
    return score.squeeze(1) + (embedding * features).sum(1)


class Discriminator(nn.Module):
    """Images (B, C, size, size) in [-1, 1] and labels (B,) to logits (B,): the projection discriminator.

    Features are *summed* over the last map. Without classes only the unconditional score is left.

    Args:
        spec: of the images and labels.
        width: the unit of ``WIDTHS``; None is the paper's for this size.

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
                DownBlock(before, after, halving=place < len(table.halving), first=place == 0)
                for place, (before, after) in enumerate(pairwise(channels))
            )
        )
        self.score = spectral_norm(glorot(nn.Linear(channels[-1], 1, bias=table.head_bias)))
        if spec.num_classes:
            self.embedding = spectral_norm(glorot(nn.Embedding(spec.num_classes, channels[-1])))

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        with parametrize.cached():
            normalise(self, image.device.type)
            features = relu(self.blocks(image)).sum((2, 3))
            score = self.score(features)
            if not hasattr(self, "embedding"):
                return score.squeeze(1)
            return projection_logit(features, score, self.embedding(label))
