import pytest
import torch

from lightning_cgan.batches import ImageSpec, PairSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks.discogan import Discriminator, Generator, PointDiscriminator, PointGenerator


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_parameters_are_as_many_as_the_published_codes():
    with torch.device("meta"):
        assert parameters(Generator(PairSpec(3, 3, 64))) == 5_513_856
        assert parameters(Generator(PairSpec(3, 3, 64), extra_layers=True)) == 7_153_480
        assert parameters(Discriminator(ImageSpec(3, 64))) == 2_765_568


def test_no_convolution_has_a_bias():
    with torch.device("meta"):
        networks = Generator(PairSpec(3, 3, 64), extra_layers=True), Discriminator(ImageSpec(3, 64))
    kinds = torch.nn.Conv2d, torch.nn.ConvTranspose2d
    layers = [layer for network in networks for layer in network.modules() if isinstance(layer, kinds)]
    assert len(layers) == 10 + 5
    assert all(layer.bias is None for layer in layers)


@pytest.mark.parametrize("size", [8, 32, 64])
@pytest.mark.parametrize("extra_layers", [False, True])
def test_images_become_images_of_the_other_domain(size, extra_layers):
    image = torch.rand(2, 3, size, size) * 2 - 1
    network = Generator(PairSpec(3, 1, size), 4, extra_layers)
    made = network(image)
    assert made.shape == (2, 1, size, size)
    assert -1 < made.min() < made.max() < 1
    made.square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in network.parameters())


@pytest.mark.parametrize("extra_layers", [False, True])
def test_sides_that_are_multiples_of_what_it_says_are_taken(extra_layers):
    network = Generator(PairSpec(1, 1, 32), 4, extra_layers)
    sides = network.multiple, 3 * network.multiple
    assert network(torch.zeros(2, 1, *sides)).shape == (2, 1, *sides)
    assert network.multiple == (32 if extra_layers else 8)


@pytest.mark.parametrize(("size", "channels", "sides"), [(64, [8, 16, 32], [16, 8, 4]), (32, [8, 16], [8, 4])])
def test_features_to_match_are_those_of_the_layers_with_batch_norm(size, channels, sides):
    image = torch.rand(3, 2, size, size)
    logits, features = Discriminator(ImageSpec(2, size), 4)(image)
    assert logits.shape == (3,)
    assert [part.shape for part in features] == [(3, c, s, s) for c, s in zip(channels, sides, strict=True)]
    last = Discriminator(ImageSpec(2, size), 4, matched=1)
    assert [part.shape for part in last(image).features] == [(3, channels[-1], 4, 4)]
    assert Discriminator(ImageSpec(2, size), 4, matched=0)(image).features == ()


def test_points_pass_through_three_linear_layers_and_are_judged_by_five():
    generator, discriminator = PointGenerator(PairSpec(2, 2, 1), 8), PointDiscriminator(ImageSpec(2, 1), 8)
    linear = [
        [part for part in net.modules() if isinstance(part, torch.nn.Linear)] for net in (generator, discriminator)
    ]
    assert list(map(len, linear)) == [3, 5]
    point = torch.randn(6, 2, 1, 1)
    logits, features = discriminator(generator(point))
    assert generator(point).shape == point.shape
    assert logits.shape == (6,)
    assert [part.shape for part in features] == [(6, 8)] * discriminator.matched
    assert all((part >= 0).all() for part in features)  # after the ReLU


@pytest.mark.parametrize("size", [4, 48])
@pytest.mark.parametrize("network", [lambda s: Generator(PairSpec(1, 1, s)), lambda s: Discriminator(ImageSpec(1, s))])
def test_sizes_that_do_not_halve_to_4_are_refused(size, network):
    with pytest.raises(UserError, match=rf"got {size}. Set data.init_args.size"):
        network(size)


def test_more_matched_layers_than_have_batch_norm_are_refused():
    with pytest.raises(UserError, match=r"0 to 2, the number of batch-norm layers at 32 pixels; got 3. Set .*matched"):
        Discriminator(ImageSpec(1, 32), 4, matched=3)
