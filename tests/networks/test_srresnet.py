from functools import partial

import pytest
import torch
from torch.nn import functional as F

from lightning_cgan.batches import PairSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks.srresnet import Discriminator, Generator, bicubic
from tests.networks.statement import agree, starts_as

SPEC = PairSpec(3, 3, 32, 4)


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_networks_have_the_papers_numbers_of_parameters():
    with torch.device("meta"):
        assert parameters(Generator(PairSpec(3, 3, 96, 4))) == 1_549_462
        assert parameters(Generator(PairSpec(3, 3, 96, 2))) == 1_549_462 - (64 * 256 * 9 + 256 + 1)
        assert parameters(Discriminator(PairSpec(3, 3, 96, 4))) == 23_565_505


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_an_image_of_any_size_becomes_scale_times_larger(scale):
    network = Generator(PairSpec(3, 1, 32, scale), width=4, blocks=1)
    assert network(torch.rand(2, 3, 5, 7)).shape == (2, 1, 5 * scale, 7 * scale)
    assert network.eval()(torch.rand(0, 3, 5, 7)).shape == (0, 1, 5 * scale, 7 * scale)


def test_with_the_skip_a_network_that_says_nothing_interpolates():
    network = Generator(SPEC, width=4, blocks=1, bicubic_skip=True)
    torch.nn.init.zeros_(network.last.weight)
    torch.nn.init.zeros_(network.last.bias)
    low = torch.rand(2, 3, 6, 6)
    assert torch.equal(network(low), bicubic(low, 4))


def test_interpolation_undoes_a_slope():
    slope = torch.linspace(-1, 1, 12).expand(1, 1, 12, 12)
    step = slope[0, 0, 0, 1] - slope[0, 0, 0, 0]
    assert torch.allclose(bicubic(slope, 4)[..., 8:-8].diff(), step / 4, atol=1e-6)


@pytest.mark.parametrize("scale", [1, 3, 6])
def test_scales_that_are_no_doublings_are_refused(scale):
    with pytest.raises(UserError, match=rf"the scale is 2, 4, 8, ...; got {scale}. Set data.init_args.scale"):
        Generator(PairSpec(3, 3, 96, scale))


def test_a_skip_between_images_of_other_channels_is_refused():
    with pytest.raises(UserError, match=r"as many channels; got 1 and 3. Set generator.init_args.bicubic_skip"):
        Generator(PairSpec(1, 3, 32, 4), bicubic_skip=True)


def test_sizes_that_the_discriminator_was_not_made_for_are_refused():
    with pytest.raises(UserError, match=r"a multiple of 16; got 88. Set data.init_args.size"):
        Discriminator(PairSpec(3, 3, 88, 4))
    with pytest.raises(UserError, match=r"takes images of 32x32 pixels only; got 48x32. Set data.init_args.size"):
        Discriminator(SPEC, width=2)(torch.rand(1, 3, 48, 32))


def prelu(net, name, x):
    return torch.where(x > 0, x, net(f"{name}.weight") * x)


def stated_generator(net, low, norm, skip):
    def normed(name, x):
        return net.batch_norm(name, x) if norm else x

    x = first = prelu(net, "first.1", net.conv("first.0", low, padding=4))
    for block in range(2):
        name = f"blocks.{block}.layers"
        h = prelu(net, f"{name}.2", normed(f"{name}.1", net.conv(f"{name}.0", x, padding=1)))
        x = x + normed(f"{name}.4", net.conv(f"{name}.3", h, padding=1))
    x = first + normed("blocks.3", net.conv("blocks.2", x, padding=1))
    for doubling in range(2):
        x = F.pixel_shuffle(net.conv(f"up.{doubling}.0", x, padding=1), 2)
        x = prelu(net, f"up.{doubling}.2", x)
    image = net.conv("last", x, padding=4)
    return image + F.interpolate(low.float(), scale_factor=4, mode="bicubic", antialias=True) if skip else image


def stated_discriminator(net, image):
    lrelu = partial(F.leaky_relu, negative_slope=0.2)
    x = lrelu(net.conv("layers.0", image, padding=1))
    for number in range(7):
        place = 2 + 3 * number
        x = net.conv(f"layers.{place}", x, stride=2 - number % 2, padding=1)
        x = lrelu(net.batch_norm(f"layers.{place + 1}", x))
    return net.linear("layers.26", lrelu(net.linear("layers.24", x.flatten(1)))).flatten()


@pytest.mark.parametrize(("norm", "skip"), [(True, False), (False, True)])
def test_the_generators_layers_are_those_of_the_paper(norm, skip):
    generator = Generator(SPEC, 3, 2, norm=norm, bicubic_skip=skip)
    agree(generator, partial(stated_generator, norm=norm, skip=skip), torch.rand(2, 3, 8, 6))


def test_the_discriminators_layers_are_those_of_the_paper():
    agree(Discriminator(SPEC, width=2), stated_discriminator, torch.rand(2, 3, 32, 32))


def test_convolutions_start_as_pytorch_starts_them():
    torch.manual_seed(0)
    for layer in [*Generator(SPEC, 16, 1).modules(), *Discriminator(SPEC, 8).modules()]:
        if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear) and layer.weight.numel() > 1000:
            starts_as(layer.weight, "uniform", layer.weight[0].numel() ** -0.5)
