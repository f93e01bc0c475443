from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lightning_cgan.batches import ImageSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks.acgan import Discriminator, Generator
from tests.networks.statement import agree, starts_as


def shapes(network, kind):
    return [tuple(layer.weight.shape[:2]) for layer in network.modules() if isinstance(layer, kind)]


@pytest.mark.parametrize(
    ("size", "start", "up"),
    [
        (32, (384 * 4 * 4, 110), [(384, 192), (192, 96), (96, 3)]),
        (128, (768 * 8 * 8, 110), [(768, 384), (384, 256), (256, 192), (192, 3)]),
    ],
)
def test_layers_are_those_of_the_papers_tables(size, start, up):
    spec = ImageSpec(3, size, 10)
    with torch.device("meta"):
        generator, discriminator = Generator(spec), Discriminator(spec)
    assert shapes(generator, nn.Linear) == [start]
    assert shapes(generator, nn.ConvTranspose2d) == up
    assert shapes(discriminator, nn.Conv2d) == [(16, 3), (32, 16), (64, 32), (128, 64), (256, 128), (512, 256)]
    assert [m.stride[0] for m in discriminator.modules() if isinstance(m, nn.Conv2d)] == [2, 1] * 3
    assert [m.num_features for m in discriminator.modules() if isinstance(m, nn.BatchNorm2d)] == [32, 64, 128, 256, 512]
    assert [m.p for m in discriminator.modules() if isinstance(m, nn.Dropout)] == [0.5] * 6
    assert shapes(discriminator, nn.Linear) == [(11, 512 * (size // 8) ** 2)]


@pytest.mark.parametrize("network", [Generator, Discriminator])
@pytest.mark.parametrize("size", [4, 28, 96])
def test_a_size_that_is_not_a_power_of_two_is_refused(network, size):
    with pytest.raises(UserError, match=rf"power of two from 8 on; this data set has {size}\. Set data.init_args.size"):
        network(ImageSpec(3, size, 10))


@pytest.mark.parametrize("network", [Generator, Discriminator])
def test_data_without_classes_is_refused(network):
    with pytest.raises(ValueError, match=r"needs labelled images.*Set data"):
        network(ImageSpec(3, 32))


def test_noise_below_zero_is_refused():
    with pytest.raises(UserError, match=r"not below 0; got -0.1\. Set .*noise"):
        Discriminator(ImageSpec(3, 32, 10), noise=-0.1)


def stated_generator(net, noise, label, side, doublings):
    options = {"stride": 2, "padding": 2, "output_padding": 1}
    x = net.linear("start", torch.cat([noise, F.one_hot(label, 3)], 1)).relu()
    x = x.view(len(noise), -1, side, side)
    for number in range(doublings - 1):
        x = net.transposed(f"blocks.{number}.0", x, **options)
        x = net.batch_norm(f"blocks.{number}.1", x).relu()
    return net.transposed("to_image", x, **options).tanh()


def stated_discriminator(net, image, noise, dropout):
    x, place = image, 1
    for number in range(6):
        x = net.conv(f"layers.{place}", net.noisy(x, noise), stride=2 - number % 2, padding=1)
        if number:
            place += 1
            x = net.batch_norm(f"layers.{place}", x)
        x, place = F.leaky_relu(net.dropout(x, dropout), 0.2), place + 4
    logits = net.linear("head", x.flatten(1))
    return logits[:, 0], logits[:, 1:]


@pytest.mark.parametrize(("size", "side", "doublings"), [(8, 1, 3), (32, 4, 3), (64, 4, 4)])
def test_layers_are_those_of_the_paper(size, side, doublings):
    spec, label = ImageSpec(2, size, 3), torch.tensor([0, 2])
    statement = partial(stated_generator, side=side, doublings=doublings)
    agree(Generator(spec, 1, latent_dim=5), statement, torch.randn(2, 5), label)
    statement = partial(stated_discriminator, noise=0.1, dropout=0.5)
    agree(Discriminator(spec, 2), statement, torch.rand(2, 2, size, size))


def test_noise_and_dropout_are_as_large_as_asked():
    statement = partial(stated_discriminator, noise=0.3, dropout=0.25)
    agree(Discriminator(ImageSpec(2, 8, 3), 2, noise=0.3, dropout=0.25), statement, torch.rand(2, 2, 8, 8))


@pytest.mark.parametrize("network", [Generator, Discriminator])
def test_weights_start_normal_and_biases_at_zero(network):
    torch.manual_seed(0)
    for layer in network(ImageSpec(3, 32, 10)).modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            starts_as(layer.weight, "normal", 0.02)
            assert not layer.bias.any()
