from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lightning_cgan.batches import PairSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks.blocks.norms import Norm
from lightning_cgan.networks.unet import UNet
from tests.networks.statement import agree, starts_as


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("channels", "size", "norm", "count"),
    [
        ((3, 3), 256, Norm.batch, 54_413_955),
        ((3, 3), 128, Norm.batch, 41_828_995),
        ((3, 3), 256, Norm.instance, 54_409_603),
        ((3, 3), 128, Norm.instance, 41_825_667),
        ((1, 2), 256, Norm.batch, 54_409_858),
        ((1, 3), 256, Norm.batch, 54_411_907),
    ],
)
def test_parameters_are_as_many_as_in_the_published_code(channels, size, norm, count):
    with torch.device("meta"):
        assert parameters(UNet(PairSpec(*channels, size), norm=norm)) == count


def test_the_encoder_decoder_has_as_many_parameters_as_in_the_authors_first_code():
    with torch.device("meta"):
        assert parameters(UNet(PairSpec(3, 3, 256), skips=False, biases=True)) == 39_080_963


@pytest.mark.parametrize(("size", "depth"), [(256, 8), (512, 8), (128, 7), (64, 6), (100, 6), (4, 2)])
def test_the_depth_follows_from_the_size(size, depth):
    with torch.device("meta"):
        network = UNet(PairSpec(3, 3, size), width=1)
    assert len(network.down) == len(network.up) + 1 == depth
    assert network.multiple == 2**depth


@pytest.mark.parametrize(("size", "depth"), [(256, 1), (3, None)])
def test_fewer_than_two_levels_are_refused(size, depth):
    with pytest.raises(UserError, match=r"at least 2 levels; got 1.*Set model.init_args.generator.init_args.depth"):
        UNet(PairSpec(3, 3, size), depth=depth)


def stated(net, image, depth, norm, skips, dropped, biased):
    """``dropped`` decoders, counted from the innermost, have dropout of one half."""

    def normed(name, x):
        return net.batch_norm(name, x) if norm is Norm.batch else F.instance_norm(x, eps=1e-5)

    options = {"stride": 2, "padding": 1}
    maps = [net.conv("down.0.0", image, bias=biased, **options)]
    for level in range(1, depth):
        x = net.conv(f"down.{level}.1", F.leaky_relu(maps[-1], 0.2), bias=biased, **options)
        maps.append(x if level == depth - 1 else normed(f"down.{level}.2", x))
    x = maps.pop()
    for number in range(depth - 1):
        x = normed(f"up.{number}.2", net.transposed(f"up.{number}.1", x.relu(), bias=biased, **options))
        x = net.dropout(x, 0.5) if number < dropped else x
        skipped = maps.pop()
        x = torch.cat([skipped, x], 1) if skips else x
    return net.transposed("to_image.1", x.relu(), **options).tanh()


@pytest.mark.parametrize(
    ("norm", "skips", "dropped", "biases"),
    [
        (Norm.batch, True, 3, None),
        (Norm.batch, True, 0, True),
        (Norm.batch, False, 1, None),
        (Norm.instance, True, 3, None),
        (Norm.instance, False, 2, False),
    ],
)
def test_layers_are_those_of_the_paper(norm, skips, dropped, biases):
    options = {"dropout": 0.0} if not dropped else {} if dropped == 3 else {"dropout_levels": dropped}
    generator = UNet(PairSpec(2, 3, 32), width=1, norm=norm, skips=skips, biases=biases, **options)
    biased = norm is Norm.instance if biases is None else biases
    statement = partial(stated, depth=5, norm=norm, skips=skips, dropped=dropped, biased=biased)
    agree(generator, statement, torch.randn(2, 2, 32, 64))


def test_weights_start_normal_and_biases_at_zero():
    torch.manual_seed(0)
    for layer in UNet(PairSpec(3, 3, 64), width=16, biases=True).modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            starts_as(layer.weight, "normal", 0.02)
            assert not layer.bias.any()
        if isinstance(layer, nn.BatchNorm2d):
            starts_as(layer.weight - 1, "normal", 0.02)


def test_the_innermost_map_has_no_norm_however_deep():
    """At 256 pixels it has one pixel, and a norm of a single image would be zero."""
    network = UNet(PairSpec(3, 3, 256), width=1)
    assert [len(down) for down in network.down] == [1] + [3] * 6 + [2]
