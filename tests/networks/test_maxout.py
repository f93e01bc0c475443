import pytest
import torch
from torch.nn import functional as F

from lightning_cgan.batches import ImageSpec
from lightning_cgan.networks.maxout import (
    ConditionalDiscriminator,
    ConditionalGenerator,
    Discriminator,
    Generator,
    Maxout,
    uniform,
)
from tests.networks.statement import agree, starts_as

MNIST = ImageSpec(1, 28, 10)


def test_a_unit_is_the_largest_of_its_pieces():
    layer = Maxout(1, units=1, pieces=2)
    layer.linear.weight.data = torch.tensor([[1.0], [-1.0]])
    assert layer(torch.tensor([[3.0], [-2.0]])).tolist() == [[3.0], [2.0]]


def test_uniform_noise_fills_its_interval_with_unit_variance():
    noise = uniform(torch.randn(100_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    assert noise.std().item() == pytest.approx(1, abs=0.01)
    assert noise.abs().max() <= 3**0.5
    shares = torch.histc(noise, bins=10, min=-(3**0.5), max=3**0.5) / len(noise)
    assert shares.sub(0.1).abs().max() < 0.005


def test_layers_have_the_widths_of_the_papers():
    shapes = [tuple(p.shape) for p in Generator(MNIST).parameters() if p.ndim == 2]
    assert shapes == [(1200, 100), (1200, 1200), (784, 1200)]
    shapes = [tuple(p.shape) for p in Discriminator(MNIST).parameters() if p.ndim == 2]
    assert shapes == [(1200, 784), (1200, 240), (1, 240)]
    shapes = [tuple(p.shape) for p in ConditionalGenerator(MNIST).parameters() if p.ndim == 2]
    assert shapes == [(200, 100), (1000, 10), (1200, 1200), (784, 1200)]
    shapes = [tuple(p.shape) for p in ConditionalDiscriminator(MNIST).parameters() if p.ndim == 2]
    assert shapes == [(1200, 784), (250, 10), (960, 290), (1, 240)]


def maxout(net, name, x, pieces):
    return net.linear(f"{name}.linear", x).view(len(x), -1, pieces).max(2).values


def even(noise):
    """The distribution function of the noise, stretched to [-sqrt 3, sqrt 3]."""
    return (2 * torch.special.ndtr(noise) - 1) * 3**0.5


def as_image(x, sides):
    return (2 * x.sigmoid() - 1).view(len(x), *sides)


def test_layers_are_those_of_the_papers():
    spec, label, sides = ImageSpec(2, 4, 3), torch.tensor([0, 2, 1]), (2, 4, 4)
    image, noise = torch.rand(3, *sides), torch.randn(3, 5)

    def generator(net, noise):
        hidden = net.linear("hidden2", net.linear("hidden1", even(noise)).relu()).relu()
        return as_image(net.linear("to_image", hidden), sides)

    def discriminator(net, image):
        x = maxout(net, "hidden1", net.dropout(image.flatten(1), 0.2), 5)
        x = maxout(net, "hidden2", net.dropout(x, 0.5), 5)
        return net.linear("score", net.dropout(x, 0.5))[:, 0]

    def conditional_generator(net, noise, label):
        parts = net.linear("from_noise", even(noise)), net.linear("from_label", F.one_hot(label, 3).double())
        x = net.dropout(torch.cat(parts, 1).relu(), 0.5)
        x = net.dropout(net.linear("joined", x).relu(), 0.5)
        return as_image(net.linear("to_image", x), sides)

    def conditional_discriminator(net, image, label):
        pixels = maxout(net, "from_image", image.flatten(1), 5)
        x = torch.cat([pixels, maxout(net, "from_label", F.one_hot(label, 3).double(), 5)], 1)
        x = maxout(net, "joined", net.dropout(x, 0.5), 4)
        return net.linear("score", net.dropout(x, 0.5))[:, 0]

    agree(Generator(spec, latent_dim=5, width=6), generator, noise)
    agree(Discriminator(spec, units=6), discriminator, image)
    agree(ConditionalGenerator(spec, 5, 6, 7, 8), conditional_generator, noise, label)
    agree(ConditionalDiscriminator(spec, 6, 4), conditional_discriminator, image, label)


def test_weights_start_uniform_within_the_published_bounds():
    torch.manual_seed(0)
    wide = {"to_image": 0.05, "hidden": 0.05, "from_noise": 0.05, "joined": 0.05, "from_label": 0.5}
    narrow = {"hidden": 0.005, "score": 0.005, "from_image": 0.005, "joined": 0.005, "from_label": 0.05}
    for network, bounds in (
        (Generator(MNIST), wide),
        (ConditionalGenerator(MNIST), wide),
        (Discriminator(MNIST), narrow),
        (ConditionalDiscriminator(MNIST), narrow),
    ):
        for name, weight in network.named_parameters():
            if name.endswith("bias"):
                assert not weight.any()
            else:
                starts_as(weight, "uniform", next(bound for part, bound in bounds.items() if name.startswith(part)))
