"""A small set for super-resolution, and small models."""

import torch
from torch import nn

from datamodules.core.low_resolution import low_resolution
from datamodules.core.sources import InMemory
from datamodules.translation import TranslationDataModule
from lightning_cgan.batches import PairSpec
from lightning_cgan.networks.srresnet import Discriminator, Generator


class SmallImages(TranslationDataModule):
    """Random smooth images of 32 pixels, and their low resolutions of 8."""

    def __init__(self, count=4, scale=4, **loading):
        self.spec, self.count = PairSpec(3, 3, 32, scale), count
        super().__init__(**{"batch_size": 2, "evaluation_batch_size": 1, **loading})

    def load(self, split):
        draw = torch.Generator().manual_seed({"train": 0, "val": 1, "test": 2}[split])
        coarse = torch.rand(self.count, 3, 12, 12, generator=draw)
        image = nn.functional.interpolate(coarse, size=32, mode="bilinear").mul(255).byte()
        label = torch.zeros(self.count, dtype=torch.int64)
        return InMemory(low_resolution(image, self.spec.scale), label), InMemory(image, label)


class Features(nn.Module):
    """Two taps of random convolutions."""

    def __init__(self, seed=0):
        super().__init__()
        draw = torch.Generator().manual_seed(seed)
        self.first, self.second = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 8, 3, stride=2)
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.3, generator=draw)

    def forward(self, image):
        first = self.first(image).relu()
        return first, self.second(first).relu()


def small_generator(spec):
    return Generator(spec, width=4, blocks=1)


def small_discriminator(spec):
    return Discriminator(spec, width=2)


def weights(network):
    return {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
