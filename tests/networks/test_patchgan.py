from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lightning_cgan.errors import UserError
from lightning_cgan.networks.blocks.norms import Norm
from lightning_cgan.networks.patchgan import PatchGAN
from tests.networks.statement import agree, starts_as


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("layers", "batch_6", "batch_3", "instance_6", "instance_3"),
    [
        (0, 9_024, 8_832, 8_897, 8_705),
        (1, 139_585, 136_513, 139_457, 136_385),
        (2, 666_433, 663_361, 666_049, 662_977),
        (3, 2_768_705, 2_765_633, 2_767_809, 2_764_737),
        (4, 6_964_033, 6_960_961, 6_962_625, 6_959_553),
        (5, 11_159_361, 11_156_289, 11_157_441, 11_154_369),
        (6, 15_354_689, 15_351_617, 15_352_257, 15_349_185),
    ],
)
def test_parameters_are_as_many_as_in_the_published_code(layers, batch_6, batch_3, instance_6, instance_3):
    with torch.device("meta"):
        assert parameters(PatchGAN(6, layers)) == batch_6
        assert parameters(PatchGAN(3, layers)) == batch_3
        assert parameters(PatchGAN(6, layers, norm=Norm.instance)) == instance_6
        assert parameters(PatchGAN(3, layers, norm=Norm.instance)) == instance_3


@pytest.mark.parametrize(("layers", "field"), [(0, 1), (1, 16), (2, 34), (3, 70), (4, 142), (5, 286), (6, 574)])
def test_a_logit_sees_a_patch_of_the_papers_size_and_nothing_else(layers, field):
    """Measured by the gradient of one logit; instance norm would let it see the statistics of the whole image."""
    torch.manual_seed(0)
    network = PatchGAN(1, layers, width=1).eval()
    for parameter in network.parameters():
        nn.init.constant_(parameter, 0.5)  # so that no two paths cancel
    side = field + 2 * network.smallest
    image = torch.ones(1, 1, side, side, requires_grad=True)
    logits = network(image)
    logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2].backward()
    rows, columns = image.grad[0, 0].nonzero().unbind(1)
    assert rows.max() - rows.min() + 1 == field
    assert columns.max() - columns.min() + 1 == field
    assert len(rows) == field**2


@pytest.mark.parametrize(
    ("layers", "size", "map_size"),
    [
        *[(0, 256, 256), (1, 256, 126), (2, 256, 62), (3, 256, 30), (4, 256, 14), (5, 256, 6), (6, 256, 2)],
        *[(3, 64, 6), (3, 128, 14), (3, 286, 33), (3, 512, 62)],
    ],
)
def test_maps_have_the_published_sizes(layers, size, map_size):
    with torch.device("meta"):
        assert PatchGAN(3, layers, width=1)(torch.empty(1, 3, size, size)).shape == (1, 1, map_size, map_size)


@pytest.mark.parametrize("layers", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("norm", Norm)
def test_the_smallest_image_has_one_patch_and_finite_gradients(layers, norm):
    network = PatchGAN(2, layers, width=2, norm=norm)
    sides = (max(network.smallest, 2),) * 2
    logits = network(torch.randn(2, 2, *sides))
    assert logits.shape == (2, 1, *(sides if layers == 0 else (1, 1)))
    logits.sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())
    if layers:
        with pytest.raises(RuntimeError):
            network(torch.randn(2, 2, network.smallest, network.smallest - 1))


def test_fewer_layers_than_none_are_refused():
    with pytest.raises(UserError, match=r"0, 1, 2.*got -1. Set model.init_args.discriminator.init_args.layers"):
        PatchGAN(3, -1)


def stated(net, image, halvings, norm):
    def normed(name, x):
        return net.batch_norm(name, x) if norm is Norm.batch else F.instance_norm(x, eps=1e-5)

    biased, lrelu = norm is Norm.instance, partial(F.leaky_relu, negative_slope=0.2)
    if not halvings:
        x = lrelu(net.conv("layers.0", image))
        x = lrelu(normed("layers.3", net.conv("layers.2", x, bias=biased)))
        return net.conv("layers.5", x, bias=biased)
    x = lrelu(net.conv("layers.0", image, stride=2, padding=1))
    for number in range(1, halvings + 1):
        place, stride = 3 * number - 1, 2 if number < halvings else 1
        x = net.conv(f"layers.{place}", x, bias=biased, stride=stride, padding=1)
        x = lrelu(normed(f"layers.{place + 1}", x))
    return net.conv(f"layers.{3 * halvings + 2}", x, padding=1)


@pytest.mark.parametrize("norm", Norm)
@pytest.mark.parametrize("halvings", [0, 1, 3])
def test_layers_are_those_of_the_paper(halvings, norm):
    network = PatchGAN(2, halvings, width=2, norm=norm)
    agree(network, partial(stated, halvings=halvings, norm=norm), torch.randn(2, 2, 32, 32))


def test_weights_start_normal_and_gains_around_one():
    torch.manual_seed(0)
    network = PatchGAN(6, width=32)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            starts_as(layer.weight, "normal", 0.02)
            assert layer.bias is None or not layer.bias.any()
        if isinstance(layer, nn.BatchNorm2d):
            starts_as(layer.weight - 1, "normal", 0.02)
            assert not layer.bias.any()
