import torch

from lightning_cgan.batches import ImageSpec
from lightning_cgan.networks.wgan_gp import Critic, Generator
from tests.networks.statement import agree, starts_as
from tests.networks.test_sngan import stated_block, stated_generator


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_parameters_are_as_many_as_in_the_authors_code():
    spec = ImageSpec(3, 32)
    assert parameters(Generator(spec)) == 1_204_483
    assert parameters(Critic(spec)) == 1_053_825
    assert parameters(Generator(ImageSpec(3, 32, 10))) == 1_218_307  # of the supervised version


def stated_critic(net, image):
    x = image
    for index in range(4):
        x = stated_block(net, f"blocks.{index}", x, halving=index < 2, first=index == 0, spectral=False)
    return net.linear("score", x.relu().mean((2, 3)))[:, 0]


def test_layers_are_those_of_the_paper():
    spec = ImageSpec(2, 32)
    agree(Generator(spec, width=2), stated_generator, torch.randn(2, 128))
    agree(Critic(spec, width=2), stated_critic, torch.randn(2, 2, 32, 32))


def test_the_critics_weights_start_as_he_and_glorot_say():
    torch.manual_seed(0)
    for name, weight in Critic(ImageSpec(3, 32), width=32).named_parameters():
        if weight.ndim > 1:
            fans = weight[0, 0].numel() * (weight.shape[0] + weight.shape[1])
            starts_as(weight, "uniform", (6 * (2 if "conv" in name else 1) / fans) ** 0.5)
        else:
            assert not weight.any()
