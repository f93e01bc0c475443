"""Convolutional generator and classifier for MNIST of Langr & Bok, "GANs in Action" (2019), Chapter 7 (notebook).

Keras pads strided convolutions of even maps on one side only; here both sides are padded. Map sizes and parameter
counts are equal.
"""

from torch import Tensor, nn

from lightning_cgan.batches import ImageSpec
from lightning_cgan.networks.sgan import DiscriminatorOutput, divisible


def norm(channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)  # Keras' defaults


def doubling(before: int, after: int) -> nn.Module:
    return nn.ConvTranspose2d(before, after, 3, stride=2, padding=1, output_padding=1)


def keras_initial(network: nn.Module) -> None:
    """Initialise in place as Keras does: Glorot-uniform weights, biases 0."""
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


class Generator(nn.Module):
    """Generator: noise (B, latent_dim) to images (B, C, size, size) in [-1, 1].

    Raises:
        UserError: for a size that is not a multiple of 4, or below 8.
    """

    def __init__(self, spec: ImageSpec, latent_dim: int = 100) -> None:
        super().__init__()
        side = divisible(spec, by=4, least=8, networks='The networks of "GANs in Action"')
        self.latent_dim = latent_dim
        self.layers = nn.Sequential(
            *(nn.Linear(latent_dim, 256 * side**2), nn.Unflatten(1, (256, side, side))),
            *(doubling(256, 128), norm(128), nn.LeakyReLU(0.01)),
            *(nn.ConvTranspose2d(128, 64, 3, padding=1), norm(64), nn.LeakyReLU(0.01)),
            *(doubling(64, spec.channels), nn.Tanh()),
        )
        keras_initial(self)

    def forward(self, noise: Tensor) -> Tensor:
        return self.layers(noise)


class Classifier(nn.Module):
    """Classifier: images (B, C, size, size) in [-1, 1] to ``DiscriminatorOutput``; features are the flattened last map.

    Raises:
        UserError: for a size that is not a multiple of 4, or below 8.
    """

    def __init__(self, spec: ImageSpec) -> None:
        super().__init__()
        side = -(-divisible(spec, by=4, least=8, networks='The networks of "GANs in Action"') // 2)
        self.trunk = nn.Sequential(
            *(nn.Conv2d(spec.channels, 32, 3, stride=2, padding=1), nn.LeakyReLU(0.01)),
            *(nn.Conv2d(32, 64, 3, stride=2, padding=1), norm(64), nn.LeakyReLU(0.01)),
            *(nn.Conv2d(64, 128, 3, stride=2, padding=1), norm(128), nn.LeakyReLU(0.01)),
            *(nn.Dropout(0.5), nn.Flatten()),
        )
        self.head = nn.Linear(128 * side**2, spec.num_classes)
        keras_initial(self)

    def forward(self, image: Tensor) -> DiscriminatorOutput:
        features = self.trunk(image)
        return DiscriminatorOutput(features, self.head(features))
