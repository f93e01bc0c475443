"""Generator and discriminator of progressive growing (ProGAN). Karras et al. 2018, Section 4 and Appendix A.

Layers, widths and initial values follow the authors' released code; parameter counts are equal to its networks'.
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
    """Resolutions 4, 8, 16, ... up to ``size``, in pixels.

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
    """Channels of the layers at resolution 2^(level + 1)."""
    return max(1, min(fmap_base // 2**level, fmap_max))


def double(x: Tensor) -> Tensor:
    """Nearest-neighbour upsampling, (B, C, H, W) to (B, C, 2H, 2W)."""
    return interpolate(x, scale_factor=2, mode="nearest")


def halve(x: Tensor) -> Tensor:
    """Average pooling over 2x2 pixels, (B, C, H, W) to (B, C, H/2, W/2)."""
    return avg_pool2d(x, 2)


def widened(x: Tensor) -> Tensor:
    """``x`` in float32 if it is in half precision, otherwise unchanged."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def pixel_norm(x: Tensor) -> Tensor:
    """Pixelwise feature normalisation: (B, C, ...) divided by its root mean square over C. Section 4.2."""
    wide = widened(x)
    return (wide * (wide.square().mean(1, keepdim=True) + 1e-8).rsqrt()).to(x.dtype)


def minibatch_std(x: Tensor, group_size: int | None = None) -> Tensor:
    """Minibatch standard deviation: over a group of images, averaged over channels and positions. Section 3.

    Args:
        x: (B, C, H, W).
        group_size: images in a group; the whole batch when None or larger than B. Otherwise it must divide B.

    Returns:
        (B, 1, H, W), constant within each group.
    """
    size = min(group_size or len(x), len(x))
    groups = widened(x).unflatten(0, (size, -1))
    deviation = (groups.var(0, correction=0) + 1e-8).sqrt().mean((1, 2, 3))
    return deviation.repeat(size).to(x.dtype).view(-1, 1, 1, 1).expand(-1, 1, *x.shape[2:])


class Scaled(nn.Module):
    """Parametrisation of a weight: the stored values times ``factor``."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, weight: Tensor) -> Tensor:
        return weight * self.factor


def equalized(layer: nn.Conv2d | nn.ConvTranspose2d | nn.Linear, fan_in: int, gain: float = sqrt(2)) -> nn.Module:
    """``layer`` with equalised learning rate. Section 4.1.

    Weights are drawn from N(0, 1) and multiplied by He's constant ``gain / sqrt(fan_in)`` at every use, so one learning
    rate has the same effect on all layers. Biases are 0.
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
    """Generator block that doubles the resolution, (B, in, H, W) to (B, out, 2H, 2W)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = conv(in_channels, out_channels)
        self.conv2 = conv(out_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        x = pixel_norm(leaky_relu(self.conv1(double(x)), 0.2))
        return pixel_norm(leaky_relu(self.conv2(x), 0.2))


class Start(nn.Module):
    """First generator block, noise (B, latent_dim) to (B, out, 4, 4)."""

    def __init__(self, latent_dim: int, out_channels: int) -> None:
        super().__init__()
        # A transposed convolution of one pixel is a dense layer to 4x4 positions that share a bias.
        self.dense = equalized(nn.ConvTranspose2d(latent_dim, out_channels, 4), latent_dim, gain=sqrt(2) / 4)
        self.conv = conv(out_channels, out_channels)

    def forward(self, latent: Tensor) -> Tensor:
        x = pixel_norm(leaky_relu(self.dense(pixel_norm(latent)[:, :, None, None]), 0.2))
        return pixel_norm(leaky_relu(self.conv(x), 0.2))


class Generator(nn.Module):
    """ProGAN generator: noise (B, latent_dim) to images (B, C, R, R), trained towards [-1, 1] but unbounded.

    Args:
        spec: image shape and number of classes; with classes the one-hot label is concatenated to the noise.
        fmap_base: half of channels times resolution; 4096 in the paper's CIFAR-10 network.
        fmap_max: upper bound on the channels; 128 for CIFAR-10.
        latent_dim: length of the noise vector; 128 for CIFAR-10.

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
        """Images (B, C, resolution, resolution).

        Args:
            noise: (B, latent_dim), normalised to unit root mean square, so only its direction matters.
            label: (B,) int64; ignored without classes.
            resolution: side of the images in pixels; the full resolution when None.
            alpha: weight of the image from the layers for ``resolution``; the rest, 1 - alpha, is the upsampled image
                of the previous resolution.
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
    """Discriminator block that halves the resolution, (B, in, H, W) to (B, out, H/2, W/2)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = conv(in_channels, in_channels)
        self.conv2 = conv(in_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        x = leaky_relu(self.conv1(x), 0.2)
        return halve(leaky_relu(self.conv2(x), 0.2))


class Head(nn.Module):
    """Last discriminator block, (B, in, 4, 4) to (B, outputs), with minibatch standard deviation as extra channel."""

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
    """ProGAN discriminator: images (B, C, R, R), R from 4 to the full size, to scores (B,) and class logits (B, K).

    Args:
        spec: image shape and number of classes K; without classes the class logits are (B, 0).
        fmap_base: as in :class:`Generator`.
        fmap_max: as in :class:`Generator`.
        group_size: images in a group of :func:`minibatch_std`; the whole batch when None, as for the paper's results.
            The authors' later code has 4. It must divide the batch size, or exceed it.

    Raises:
        UserError: for an image size that is not a power of two from 4 on, or a group size below 1.
    """

    def __init__(
        self, spec: ImageSpec, fmap_base: int = 8192, fmap_max: int = 512, group_size: int | None = None
    ) -> None:
        super().__init__()
        if group_size is not None and group_size < 1:
            raise UserError(f"A group has at least 1 image; got {group_size}. Set group_size of the discriminator.")
        self.resolutions = resolutions(spec.size)
        self.group_size = group_size
        widths = [channels(level, fmap_base, fmap_max) for level in range(len(self.resolutions) + 1)]
        self.from_image = nn.ModuleList(conv(spec.channels, width, 1) for width in widths[1:])
        self.blocks = nn.ModuleList(Down(wide, narrow) for narrow, wide in pairwise(widths[1:]))
        self.head = Head(widths[1], widths[0], 1 + spec.num_classes, group_size)

    def forward(self, image: Tensor, alpha: float = 1.0) -> tuple[Tensor, Tensor]:
        """Scores (B,) and class logits (B, K) of ``image``.

        ``alpha`` is the weight of the features from the layers of the image's own resolution; the rest, 1 - alpha, is
        computed from the image at half the resolution.
        """
        level = self.resolutions.index(image.shape[-1])
        x = self.from_rgb(image, level)
        for index in reversed(range(level)):
            x = self.blocks[index](x)
            if index == level - 1 and alpha < 1:
                x = torch.lerp(self.from_rgb(halve(image), index), x, alpha)
        outputs = self.head(x)
        return outputs[:, 0], outputs[:, 1:]

    def from_rgb(self, image: Tensor, level: int) -> Tensor:
        return leaky_relu(self.from_image[level](image), 0.2)
