import pytest
import torch

from lightning_cgan.batches import ImageSpec
from lightning_cgan.networks import sngan
from lightning_cgan.networks.sngan_class_head import Discriminator
from tests.networks.statement import agree, starts_as
from tests.networks.test_sngan import stated_block


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_only_a_linear_classifier_is_added_to_the_trunk():
    spec = ImageSpec(3, 32, 10)
    discriminator = Discriminator(spec)
    trunk = sngan.Discriminator(spec._replace(num_classes=0))
    features = discriminator.trunk.score.in_features
    assert parameters(discriminator) == parameters(trunk) + (features + 1) * spec.num_classes


def test_data_without_classes_is_refused():
    with pytest.raises(ValueError, match=r"needs labelled images.*Set data"):
        Discriminator(ImageSpec(3, 32))


def stated(net, image):
    x = image
    for index in range(4):
        x = stated_block(net, f"trunk.blocks.{index}", x, halving=index < 2, first=index == 0)
    features = x.relu().sum((2, 3))
    source = net.linear("trunk.score", features, bias=False, weight=net.spectral("trunk.score"))
    return source[:, 0], net.linear("classes", features, weight=net.spectral("classes"))


def test_layers_are_those_of_the_paper():
    agree(Discriminator(ImageSpec(2, 16, 3), width=2), stated, torch.randn(2, 2, 16, 16))


def test_the_classifier_starts_as_chainer_starts_it():
    torch.manual_seed(0)
    layer = Discriminator(ImageSpec(2, 16, 100), width=64).classes
    starts_as(layer.parametrizations.weight.original, "uniform", (6 / (100 + 64)) ** 0.5)
    assert not layer.bias.any()
