from functools import partial

import pytest
import torch
from torch.nn import functional as F

from lightning_cgan.batches import ImageSpec, PairSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks.discogan import Discriminator, Generator, PointDiscriminator, PointGenerator
from tests.networks.statement import agree, starts_as


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_parameters_are_as_many_as_the_published_codes():
    with torch.device("meta"):
        assert parameters(Generator(PairSpec(3, 3, 64))) == 5_513_856
        assert parameters(Generator(PairSpec(3, 3, 64), extra_layers=True)) == 7_153_480
        assert parameters(Discriminator(ImageSpec(3, 64))) == 2_765_568


@pytest.mark.parametrize("extra_layers", [False, True])
def test_sides_that_are_multiples_of_what_it_says_are_taken(extra_layers):
    network = Generator(PairSpec(1, 1, 32), 4, extra_layers)
    sides = network.multiple, 3 * network.multiple
    assert network(torch.zeros(2, 1, *sides)).shape == (2, 1, *sides)
    assert network.multiple == (32 if extra_layers else 8)


@pytest.mark.parametrize("size", [4, 48])
@pytest.mark.parametrize("network", [lambda s: Generator(PairSpec(1, 1, s)), lambda s: Discriminator(ImageSpec(1, s))])
def test_sizes_that_do_not_halve_to_4_are_refused(size, network):
    with pytest.raises(UserError, match=rf"got {size}. Set data.init_args.size"):
        network(size)


def test_more_matched_layers_than_have_batch_norm_are_refused():
    with pytest.raises(UserError, match=r"0 to 2, the number of batch-norm layers at 32 pixels; got 3. Set .*matched"):
        Discriminator(ImageSpec(1, 32), 4, matched=3)


lrelu = partial(F.leaky_relu, negative_slope=0.2)


def encoded(net, image, name, halvings):
    """The outputs of the layers that halve the image; the first has no norm."""
    maps = [lrelu(net.conv(f"{name}.0.0", image, bias=False, stride=2, padding=1))]
    for level in range(1, halvings):
        x = net.conv(f"{name}.{level}.0", maps[-1], bias=False, stride=2, padding=1)
        maps.append(lrelu(net.batch_norm(f"{name}.{level}.1", x)))
    return maps


def stated_generator(net, image, halvings, extra):
    x, place = encoded(net, image, "layers", halvings)[-1], halvings
    if extra:
        x = lrelu(net.batch_norm(f"layers.{place + 1}", net.conv(f"layers.{place}", x, bias=False)))
        x = net.batch_norm(f"layers.{place + 4}", net.transposed(f"layers.{place + 3}", x, bias=False)).relu()
        place += 6
    for level in range(halvings):
        x = net.transposed(f"layers.{place + 3 * level}", x, bias=False, stride=2, padding=1)
        if level < halvings - 1:
            x = net.batch_norm(f"layers.{place + 3 * level + 1}", x).relu()
    return x.tanh()


def stated_discriminator(net, image, halvings, matched):
    maps = encoded(net, image, "layers", halvings)
    return net.conv("head", maps[-1], bias=False).flatten(), tuple(maps[halvings - matched :])


@pytest.mark.parametrize("extra", [False, True])
def test_the_generators_layers_are_those_of_the_paper(extra):
    statement = partial(stated_generator, halvings=3, extra=extra)
    agree(Generator(PairSpec(3, 1, 32), 2, extra), statement, torch.rand(2, 3, 32, 32))


@pytest.mark.parametrize(("matched", "number"), [(None, 2), (1, 1), (0, 0)])
def test_the_discriminators_layers_are_those_of_the_paper_and_the_last_are_matched(matched, number):
    statement = partial(stated_discriminator, halvings=3, matched=number)
    agree(Discriminator(ImageSpec(2, 32), 2, matched), statement, torch.rand(2, 2, 32, 32))


def test_points_pass_through_three_linear_layers_and_are_judged_by_five():
    def generated(net, point):
        x = net.linear("layers.2", net.linear("layers.0", point.flatten(1)).relu()).relu()
        return net.linear("layers.4", x)[:, :, None, None]

    def judged(net, point):
        maps = [point.flatten(1)]
        for place in (0, 2, 4, 6):
            maps.append(net.linear(f"layers.{place}", maps[-1]).relu())
        return net.linear("layers.8", maps[-1]).flatten(), tuple(maps[1:])

    agree(PointGenerator(PairSpec(2, 3, 1), 8), generated, torch.randn(6, 2, 1, 1))
    agree(PointDiscriminator(ImageSpec(2, 1), 8), judged, torch.randn(6, 2, 1, 1))
    assert PointDiscriminator(ImageSpec(2, 1)).matched == 4


def test_weights_start_as_pytorch_starts_them():
    torch.manual_seed(0)
    for layer in Generator(PairSpec(3, 3, 32), 16).modules():
        if isinstance(layer, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
            starts_as(layer.weight, "uniform", layer.weight[0].numel() ** -0.5)
        if isinstance(layer, torch.nn.BatchNorm2d):
            assert (layer.weight == 1).all()
