"""The networks that grow. Karras et al. 2018, Section 4 and Appendix A.

Layers, widths and initial values follow the authors' released code: the parameter counts are equal to it.
"""

from itertools import pairwise
from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, leaky_relu
from torch.nn.utils import parametrize

from lightning_cgan.batches import ImageSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks.blocks.labels import joined


def resolutions(size: int) -> list[int]:
    """The resolutions up to ``size``: 4, 8, 16, ...

    Raises:
        UserError: for a size that is not a power of two, or below 4.
    """
    if size < 4 or size & (size - 1):
        raise UserError(
            f"ProGAN doubles its resolution from 4 pixels to a power of two; this data set has images of {size}. "
            "Set data.init_args.size, or choose other data."
        )
    return [2**power for power in range(2, size.bit_length())]


def channels(level: int, fmap_base: int, fmap_max: int) -> int:
    """The width of the layers at 2^(level + 1) pixels."""
    return max(1, min(fmap_base // 2**level, fmap_max))


def double(x: Tensor) -> Tensor:
    """(B, C, H, W) to (B, C, 2H, 2W), each pixel repeated."""
    return interpolate(x, scale_factor=2, mode="nearest")


def halve(x: Tensor) -> Tensor:
    """(B, C, H, W) to (B, C, H/2, W/2), the means of 2x2 pixels."""
    return avg_pool2d(x, 2)


def widened(x: Tensor) -> Tensor:
    """``x`` in single precision where it is in half."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def pixel_norm(x: Tensor) -> Tensor:
    """(B, C, ...) divided by its root mean square over C at each place. Section 4.2."""
    wide = widened(x)
    return (wide * (wide.square().mean(1, keepdim=True) + 1e-8).rsqrt()).to(x.dtype)


def minibatch_std(x: Tensor, group_size: int | None = None) -> Tensor:
    """The standard deviation over a group of images, averaged over channels and places. Section 3.

    Args:
        x: (B, C, H, W).
        group_size: images in a group, all of the batch when None or where there are fewer. It divides B.

    Returns:
        (B, 1, H, W): one number for each group.
    """
    size = min(group_size or len(x), len(x))
    groups = widened(x).unflatten(0, (size, -1))
    deviation = (groups.var(0, correction=0) + 1e-8).sqrt().mean((1, 2, 3))
    return deviation.repeat(size).to(x.dtype).view(-1, 1, 1, 1).expand(-1, 1, *x.shape[2:])


class Scaled(nn.Module):
    """A weight as it is used: the stored one times ``factor``."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, weight: Tensor) -> Tensor:
        return weight * self.factor


def equalized(layer: nn.Conv2d | nn.ConvTranspose2d | nn.Linear, fan_in: int, gain: float = sqrt(2)) -> nn.Module:
    """``layer`` with weights from N(0, 1), times He's constant whenever they are used, and zero biases. Section 4.1.

    So one learning rate has the same effect on every layer.
    """
    nn.init.normal_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    parametrize.register_parametrization(layer, "weight", Scaled(gain / sqrt(fan_in)))
    return layer


def conv(in_channels: int, out_channels: int, kernel: int = 3, gain: float = sqrt(2)) -> nn.Module:
    return equalized(nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2), in_channels * kernel**2, gain)


def dense(in_features: int, out_features: int, gain: float = sqrt(2)) -> nn.Module:
    return equalized(nn.Linear(in_features, out_features), in_features, gain)


class Up(nn.Module):
    """(B, in, H, W) to (B, out, 2H, 2W)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = conv(in_channels, out_channels)
        self.conv2 = conv(out_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        x = pixel_norm(leaky_relu(self.conv1(double(x)), 0.2))
        return pixel_norm(leaky_relu(self.conv2(x), 0.2))


class Start(nn.Module):
    """(B, latent) to (B, out, 4, 4)."""

    def __init__(self, latent_dim: int, out_channels: int) -> None:
        super().__init__()
        # A dense layer to 4x4 places that share a bias is a transposed convolution of a single pixel.
        self.dense = equalized(nn.ConvTranspose2d(latent_dim, out_channels, 4), latent_dim, gain=sqrt(2) / 4)
        self.conv = conv(out_channels, out_channels)

    def forward(self, latent: Tensor) -> Tensor:
        x = pixel_norm(leaky_relu(self.dense(pixel_norm(latent)[:, :, None, None]), 0.2))
        return pixel_norm(leaky_relu(self.conv(x), 0.2))


class Generator(nn.Module):
    """Noise (B, latent_dim) to images (B, C, resolution, resolution) about [-1, 1]: nothing bounds them.

    Args:
        spec: of the images; with classes the label is concatenated to the noise.
        fmap_base: width times resolution, halved; the paper's CIFAR-10 network has 4096.
        fmap_max: the largest width; for CIFAR-10 128.
        latent_dim: length of the noise vector; for CIFAR-10 128.

    Raises:
        UserError: for an image size that is not a power of two from 4 on.
    """

    def __init__(self, spec: ImageSpec, fmap_base: int = 8192, fmap_max: int = 512, latent_dim: int = 512) -> None:
        super().__init__()
        self.resolutions = resolutions(spec.size)
        widths = [channels(level, fmap_base, fmap_max) for level in range(1, len(self.resolutions) + 1)]
        self.latent_dim, self.num_classes = latent_dim, spec.num_classes
        self.blocks = nn.ModuleList([Start(latent_dim + spec.num_classes, widths[0])])
        self.blocks.extend(Up(before, after) for before, after in pairwise(widths))
        self.to_image = nn.ModuleList(conv(width, spec.channels, 1, gain=1) for width in widths)

    def forward(
        self, noise: Tensor, label: Tensor | None = None, resolution: int | None = None, alpha: float = 1.0
    ) -> Tensor:
        """The images of ``noise`` and labels (B,).

        Args:
            noise: (B, latent_dim), from which only the direction counts.
            label: (B,) int64; ignored without classes.
            resolution: of the images; the full one when None.
            alpha: share of the layers for ``resolution``; the rest is the image before them, doubled.
        """
        level = self.resolutions.index(resolution or self.resolutions[-1])
        x = before = joined(noise, label, self.num_classes)
        for block in self.blocks[: level + 1]:
            before, x = x, block(x)
        image = self.to_image[level](x)
        if alpha == 1 or level == 0:
            return image
        return torch.lerp(double(self.to_image[level - 1](before)), image, alpha)


class Down(nn.Module):
    """(B, in, H, W) to (B, out, H/2, W/2)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = conv(in_channels, in_channels)
        self.conv2 = conv(in_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        x = leaky_relu(self.conv1(x), 0.2)
        return halve(leaky_relu(self.conv2(x), 0.2))


class Head(nn.Module):
    """(B, in, 4, 4) to (B, outputs). Here images of one batch are compared with each other."""

    def __init__(self, in_channels: int, hidden: int, outputs: int, group_size: int | None) -> None:
        super().__init__()
        self.group_size = group_size
        self.conv = conv(in_channels + 1, in_channels)
        self.dense1 = dense(in_channels * 4 * 4, hidden)
        self.dense2 = dense(hidden, outputs, gain=1)

    def forward(self, x: Tensor) -> Tensor:
        x = leaky_relu(self.conv(torch.cat([x, minibatch_std(x, self.group_size)], 1)), 0.2)
        return self.dense2(leaky_relu(self.dense1(x.flatten(1)), 0.2))


class Discriminator(nn.Module):
    """Images (B, C, R, R) of any resolution from 4 to the full one, to scores (B,) and class logits (B, num_classes).

    Args:
        spec: of the images; without classes the class logits are (B, 0).
        fmap_base: as in :class:`Generator`.
        fmap_max: as in :class:`Generator`.
        group_size: images whose standard deviation is taken together; the whole batch when None, as for the paper's
            figures. The authors' later code has 4. It divides the batch, or is larger.

    Raises:
        UserError: for an image size that is not a power of two from 4 on, or an empty group.
    """

    def __init__(
        self, spec: ImageSpec, fmap_base: int = 8192, fmap_max: int = 512, group_size: int | None = None
    ) -> None:
        super().__init__()
        if group_size is not None and group_size < 1:
            raise UserError(f"A group has at least 1 image; met {group_size}. Set group_size of the discriminator.")
        self.resolutions = resolutions(spec.size)
        self.group_size = group_size
        widths = [channels(level, fmap_base, fmap_max) for level in range(len(self.resolutions) + 1)]
        self.from_image = nn.ModuleList(conv(spec.channels, width, 1) for width in widths[1:])
        self.blocks = nn.ModuleList(Down(wide, narrow) for narrow, wide in pairwise(widths[1:]))
        self.head = Head(widths[1], widths[0], 1 + spec.num_classes, group_size)

    def forward(self, image: Tensor, alpha: float = 1.0) -> tuple[Tensor, Tensor]:
        """Scores and class logits of ``image``, to whose features its own resolution's layers contribute ``alpha``."""
        level = self.resolutions.index(image.shape[-1])
        x = self.seen(image, level)
        for place in reversed(range(level)):
            x = self.blocks[place](x)
            if place == level - 1 and alpha < 1:
                x = torch.lerp(self.seen(halve(image), place), x, alpha)
        outputs = self.head(x)
        return outputs[:, 0], outputs[:, 1:]

    def seen(self, image: Tensor, level: int) -> Tensor:
        return leaky_relu(self.from_image[level](image), 0.2)
