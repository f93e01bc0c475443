from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lightning_cgan.batches import PairSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks.blocks.norms import Norm
from lightning_cgan.networks.resnet_translation import ResNet
from tests.networks.statement import agree, starts_as


def network(channels_a=3, channels_b=3, size=16, width=4, blocks=2, **options):
    torch.manual_seed(0)
    return ResNet(PairSpec(channels_a, channels_b, size), width, blocks, **options).eval()


@pytest.mark.parametrize(
    ("channels", "options", "parameters"),
    [
        (3, {"blocks": 9}, 11_378_179),
        (3, {"blocks": 6}, 7_837_699),
        (3, {"blocks": 9, "norm": Norm.batch}, 11_383_427),
        (3, {"blocks": 6, "norm": Norm.batch}, 7_841_411),
        (1, {"blocks": 9}, 11_365_633),
        (3, {"blocks": 9, "width": 32}, 2_850_563),
        (3, {"blocks": 6, "width": 32}, 1_965_059),
        (3, {"blocks": 6, "resize_convolution": True}, 7_837_699),
    ],
)
def test_parameters_are_as_many_as_in_the_published_network(channels, options, parameters):
    with torch.device("meta"):
        generator = ResNet(PairSpec(channels, channels, 256), **options)
    assert sum(parameter.numel() for parameter in generator.parameters()) == parameters


@pytest.mark.parametrize(
    ("dropout", "second", "shapes"),
    [(0.0, 5, {"model.19": (256, 128, 3, 3), "model.26": (3, 64, 7, 7)}), (0.5, 6, {"model.4": (128, 64, 3, 3)})],
)
def test_weights_are_called_as_in_published_files(dropout, second, shapes):
    with torch.device("meta"):
        generator = ResNet(PairSpec(3, 3, 256), dropout=dropout)
    held = {name: tuple(weight.shape) for name, weight in generator.named_parameters()}
    assert len(held) == 48
    blocks = {f"model.{10 + block}.conv_block.{place}.weight" for block in range(9) for place in (1, second)}
    assert blocks <= held.keys()
    assert all(held[f"{name}.weight"] == shape and f"{name}.bias" in held for name, shape in shapes.items())


def test_sides_that_are_multiples_of_four_are_kept():
    assert network().multiple == 4
    assert network()(torch.rand(1, 3, 12, 8)).shape[-2:] == (12, 8)
    assert network()(torch.rand(1, 3, 11, 8)).shape[-2:] != (11, 8)


def test_an_empty_batch_is_translated_to_an_empty_batch():
    assert network()(torch.rand(0, 3, 16, 16)).shape == (0, 3, 16, 16)


def test_images_whose_innermost_map_is_one_pixel_are_refused():
    with pytest.raises(UserError, match=r"got 4. Set data.init_args.size"):
        network(size=4)


def stated(net, image, norm, dropout, resized):
    def layer(name, x, pad=0, **options):
        x = F.pad(x, [pad] * 4, mode="reflect") if pad else x
        x = net.conv(f"model.{name}", x, bias=norm is Norm.instance, **options)
        place = name.rpartition(".")
        return normed(f"model.{place[0] + place[1]}{int(place[2]) + 1}", x)

    def normed(name, x):
        return F.instance_norm(x, eps=1e-5) if norm is Norm.instance else net.batch_norm(name, x)

    x = layer("1", image, pad=3).relu()
    x = layer("4", x, stride=2, padding=1).relu()
    x = layer("7", x, stride=2, padding=1).relu()
    for block in (10, 11):
        h = net.dropout(layer(f"{block}.conv_block.1", x, pad=1).relu(), dropout)
        x = x + layer(f"{block}.conv_block.{6 if dropout else 5}", h, pad=1)
    for place in (12, 15):
        if resized:
            x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
            name = f"model.{place}.2"
            x = net.conv(name, F.pad(x, [1] * 4, mode="reflect"), bias=norm is Norm.instance)
        else:
            options = {"stride": 2, "padding": 1, "output_padding": 1}
            x = net.transposed(f"model.{place}", x, bias=norm is Norm.instance, **options)
        x = normed(f"model.{place + 1}", x).relu()
    return net.reflected("model.19", x, 3).tanh()


@pytest.mark.parametrize(
    ("norm", "dropout", "resized"),
    [(Norm.instance, 0.0, False), (Norm.instance, 0.5, True), (Norm.batch, 0.25, False)],
)
def test_layers_are_those_of_the_paper(norm, dropout, resized):
    options = {"norm": norm, "dropout": dropout}
    generator = ResNet(PairSpec(1, 3, 16), 2, 2, resize_convolution=resized, **options)
    agree(generator, partial(stated, resized=resized, **options), torch.randn(2, 1, 16, 12))


def test_weights_start_normal_and_biases_at_zero():
    for layer in network(width=24, blocks=1).modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            starts_as(layer.weight, "normal", 0.02)
            assert not layer.bias.any()
