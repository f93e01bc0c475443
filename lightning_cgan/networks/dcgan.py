"""All-convolutional DCGAN generator and discriminator. Radford et al., ICLR 2016.

Layers and widths are those of the authors' code for 64x64 images. With classes, the networks are conditional by
concatenation: the one-hot label is appended to the noise, and to the image as constant planes.
"""

from itertools import pairwise

from torch import Tensor, nn

from lightning_cgan.batches import ImageSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks.blocks.labels import joined


def doublings(spec: ImageSpec) -> int:
    """Number of doublings from a 4x4 map to the image size of ``spec``.

    Raises:
        UserError: for a size that is not 8, 16, 32, ...
    """
    if spec.size < 8 or spec.size & (spec.size - 1):
        raise UserError(
            f"The DCGAN networks double a 4x4 map, so the image size must be 8, 16, 32, ...; "
            f"this data set has {spec.size}. Set data.init_args.size, or other networks in model.init_args."
        )
    return spec.size.bit_length() - 3


def initialised(network: nn.Module) -> None:
    """Initialise in place: convolution weights from N(0, 0.02), batch-norm gains from N(1, 0.02), biases 0."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0.0, 0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, 0.02)


def double(in_channels: int, out_channels: int) -> nn.Module:
    return nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1, bias=False)


def halve(in_channels: int, out_channels: int) -> nn.Module:
    return nn.Conv2d(in_channels, out_channels, 4, stride=2, padding=1, bias=False)


class Generator(nn.Module):
    """DCGAN generator: noise (B, latent_dim) and, with classes, labels (B,) to images (B, C, size, size) in [-1, 1].

    Args:
        spec: image shape and number of classes.
        width: channels of the last hidden map; each earlier map has twice as many. 64 in the authors' code, 128 in the
            paper's figure.
        latent_dim: length of the noise vector.

    Raises:
        UserError: for an image size that is not 8, 16, 32, ...
    """

    def __init__(self, spec: ImageSpec, width: int = 64, latent_dim: int = 100) -> None:
        super().__init__()
        channels = [width << index for index in reversed(range(doublings(spec)))]
        self.latent_dim, self.num_classes = latent_dim, spec.num_classes
        start = nn.ConvTranspose2d(latent_dim + spec.num_classes, channels[0], 4, bias=False)
        layers: list[nn.Module] = [start, nn.BatchNorm2d(channels[0]), nn.ReLU()]
        for before, after in pairwise(channels):
            layers += [double(before, after), nn.BatchNorm2d(after), nn.ReLU()]
        self.layers = nn.Sequential(*layers, double(channels[-1], spec.channels), nn.Tanh())
        initialised(self)

    def forward(self, noise: Tensor, label: Tensor | None = None) -> Tensor:
        return self.layers(joined(noise, label, self.num_classes)[:, :, None, None])


class Discriminator(nn.Module):
    """DCGAN discriminator: images (B, C, size, size) in [-1, 1] and, with classes, labels (B,) to logits (B,).

    Batch norm follows every convolution except the first and the last, so real and generated images need separate
    calls.

    Args:
        spec: image shape and number of classes.
        width: channels of the first map; each later map has twice as many.
        batch_norm: False for a penalty on the gradient at each image, which batch norm would mix across the batch.

    Raises:
        UserError: for an image size that is not 8, 16, 32, ...
    """

    def __init__(self, spec: ImageSpec, width: int = 64, batch_norm: bool = True) -> None:
        super().__init__()
        channels = [width << index for index in range(doublings(spec))]
        self.num_classes = spec.num_classes
        layers: list[nn.Module] = [halve(spec.channels + spec.num_classes, width), nn.LeakyReLU(0.2)]
        for before, after in pairwise(channels):
            norm = nn.BatchNorm2d(after) if batch_norm else nn.Identity()
            layers += [halve(before, after), norm, nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(channels[-1], 1, 4, bias=False))
        initialised(self)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        return self.layers(joined(image, label, self.num_classes)).flatten()
