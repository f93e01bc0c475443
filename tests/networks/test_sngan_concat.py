from functools import partial

import pytest
import torch

from lightning_cgan.batches import ImageSpec
from lightning_cgan.networks.sngan_concat import Discriminator
from tests.networks.statement import agree, starts_as
from tests.networks.test_sngan import stated_block


def test_parameters_are_as_many_as_in_the_released_code():
    discriminator = Discriminator(ImageSpec(3, 128, 1000))
    assert sum(parameter.numel() for parameter in discriminator.parameters()) == 30_538_625


def test_data_without_classes_is_refused():
    with pytest.raises(ValueError, match=r"needs labelled images.*Set data"):
        Discriminator(ImageSpec(3, 32))


def stated(net, image, label, halvings, keeping, head_bias):
    x, half = image, (halvings + keeping + 1) // 2
    for index in range(halvings + keeping):
        if index == half:
            condition = net.spectral("embedding")[label][:, :, None, None].expand(-1, -1, *x.shape[2:])
            x = torch.cat([x, condition], 1)
        name = f"before.{index}" if index < half else f"after.{index - half}"
        x = stated_block(net, name, x, index < halvings, index == 0)
    return net.linear("score", x.relu().sum((2, 3)), bias=head_bias, weight=net.spectral("score"))[:, 0]


@pytest.mark.parametrize(
    ("size", "halvings", "keeping", "head_bias"),
    [(16, 2, 2, False), (64, 5, 0, True), (128, 5, 1, True), (256, 6, 1, True)],
)
def test_layers_are_those_of_the_paper(size, halvings, keeping, head_bias):
    discriminator = Discriminator(ImageSpec(2, size, 3), width=1, embedding_dim=2)
    statement = partial(stated, halvings=halvings, keeping=keeping, head_bias=head_bias)
    agree(discriminator, statement, torch.randn(2, 2, size, size), torch.tensor([0, 2]))


def test_weights_start_as_chainer_starts_them():
    torch.manual_seed(0)
    for name, weight in Discriminator(ImageSpec(3, 32, 40), width=32).named_parameters():
        if weight.ndim > 1:
            fans = weight[0, 0].numel() * (weight.shape[0] + weight.shape[1])
            starts_as(weight, "uniform", (6 * (2 if "conv" in name else 1) / fans) ** 0.5)
        else:
            assert not weight.any()
