from functools import partial

import pytest
import torch
from torch.nn import functional as F

from lightning_cgan.batches import ImageSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks.dcgan import Discriminator, Generator
from tests.networks.statement import agree, starts_as


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("channels", "width", "generator", "discriminator"),
    [(3, 64, 3_576_704, 2_765_568), (1, 64, 3_574_656, 2_763_520), (3, 128, 12_658_432, 11_036_160)],
)
def test_parameters_are_as_many_as_in_the_authors_code(channels, width, generator, discriminator):
    spec = ImageSpec(channels, 64)
    assert parameters(Generator(spec, width)) == generator
    assert parameters(Discriminator(spec, width)) == discriminator


@pytest.mark.parametrize("size", [4, 20, 28])
def test_a_size_that_is_no_power_of_two_is_refused(size):
    for network in (Generator, Discriminator):
        with pytest.raises(UserError, match=rf"8, 16, 32.*has {size}. Set data.init_args.size"):
            network(ImageSpec(1, size))


def stated_generator(net, noise, label=None, classes=3, size=16):
    x = noise if label is None else torch.cat([noise, F.one_hot(label, classes)], 1)
    x = net.transposed("layers.0", x[:, :, None, None], bias=False)
    x, place = net.batch_norm("layers.1", x).relu(), 3
    while x.shape[-1] < size // 2:
        x = net.transposed(f"layers.{place}", x, bias=False, stride=2, padding=1)
        x, place = net.batch_norm(f"layers.{place + 1}", x).relu(), place + 3
    return net.transposed(f"layers.{place}", x, bias=False, stride=2, padding=1).tanh()


def stated_discriminator(net, image, label=None, classes=3, batch_norm=True):
    lrelu = partial(F.leaky_relu, negative_slope=0.2)
    if label is not None:
        planes = F.one_hot(label, classes)[:, :, None, None].expand(-1, -1, *image.shape[2:])
        image = torch.cat([image, planes], 1)
    x, place = lrelu(net.conv("layers.0", image, bias=False, stride=2, padding=1)), 2
    while x.shape[-1] > 4:
        x = net.conv(f"layers.{place}", x, bias=False, stride=2, padding=1)
        x, place = lrelu(net.batch_norm(f"layers.{place + 1}", x) if batch_norm else x), place + 3
    return net.conv(f"layers.{place}", x, bias=False).flatten()


@pytest.mark.parametrize("size", [8, 32])
@pytest.mark.parametrize("classes", [0, 3])
def test_layers_are_those_of_the_paper(size, classes):
    spec, label = ImageSpec(2, size, classes), [torch.tensor([0, 2])] if classes else []
    agree(Generator(spec, 2, latent_dim=5), partial(stated_generator, size=size), torch.randn(2, 5), *label)
    for batch_norm in (True, False):
        statement = partial(stated_discriminator, batch_norm=batch_norm)
        agree(Discriminator(spec, 2, batch_norm), statement, torch.randn(2, 2, size, size), *label)


@pytest.mark.parametrize("network", [Generator, Discriminator])
def test_weights_start_normal_and_gains_around_one(network):
    torch.manual_seed(0)
    for layer in network(ImageSpec(3, 64), width=32).modules():
        if isinstance(layer, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
            starts_as(layer.weight, "normal", 0.02)
        if isinstance(layer, torch.nn.BatchNorm2d):
            starts_as(layer.weight - 1, "normal", 0.02)
            assert not layer.bias.any()
