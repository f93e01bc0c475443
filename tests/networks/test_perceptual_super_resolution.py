from functools import partial

import pytest
import torch
from torch.nn import functional as F
from torch.nn.functional import interpolate

from lightning_cgan.batches import PairSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks.perceptual_super_resolution import SuperResolutionNetwork
from tests.networks.statement import agree
from tests.networks.test_style import stated_enlargement


@pytest.mark.parametrize(("scale", "count"), [(4, 401_859), (8, 438_915)])
@pytest.mark.parametrize("upsampling", ["transposed", "nearest"])
def test_parameters_are_as_many_as_in_the_paper(scale, count, upsampling):
    with torch.device("meta"):
        network = SuperResolutionNetwork(PairSpec(3, 3, 288, scale), upsampling=upsampling)
    assert sum(weight.numel() for weight in network.parameters()) == count


def test_with_the_skip_it_starts_as_bicubic_interpolation():
    network, low = SuperResolutionNetwork(PairSpec(3, 3, 32, 4), 2, 1, skip="bicubic"), torch.rand(1, 3, 4, 4)
    assert torch.equal(network(low), interpolate(low, scale_factor=4, mode="bicubic"))


@pytest.mark.parametrize("spec", [PairSpec(3, 3, 30, 3), PairSpec(3, 3, 32, 1), PairSpec(1, 1, 32, 2)])
def test_other_scales_and_grey_pictures_are_refused(spec):
    with pytest.raises(UserError, match=r"doubles images of three channels.* Set data.init_args.scale to 2, 4 or 8"):
        SuperResolutionNetwork(spec)


def stated(net, low, upsampling, skip):
    x = net.batch_norm("layers.1", net.conv("layers.0", low, padding=4)).relu()
    h = net.batch_norm("layers.3.layers.1", net.conv("layers.3.layers.0", x, padding=1)).relu()
    x = x + net.batch_norm("layers.3.layers.4", net.conv("layers.3.layers.3", h, padding=1))
    place = 4
    for _ in range(2):
        x, place = stated_enlargement(net, "layers", place, x, upsampling, net.batch_norm)
    x = net.conv(f"layers.{place}", x, padding=4)
    if skip == "bicubic":
        return F.interpolate(low, scale_factor=4, mode="bicubic") + x
    return 150 / 127.5 * x.tanh() + (torch.tensor([123.68, 116.779, 103.939])[:, None, None] / 127.5 - 1).double()


@pytest.mark.parametrize(("upsampling", "skip"), [("transposed", "none"), ("nearest", "bicubic")])
def test_layers_are_those_of_the_paper(upsampling, skip):
    network = SuperResolutionNetwork(PairSpec(3, 3, 32, 4), 2, 1, upsampling, skip)
    agree(network, partial(stated, upsampling=upsampling, skip=skip), torch.rand(2, 3, 5, 6))
