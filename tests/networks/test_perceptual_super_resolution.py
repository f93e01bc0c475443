import pytest
import torch
from torch.nn.functional import interpolate

from lightning_cgan.batches import PairSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks.perceptual_super_resolution import SuperResolutionNetwork


@pytest.mark.parametrize(("scale", "count"), [(4, 401_859), (8, 438_915)])
@pytest.mark.parametrize("upsampling", ["transposed", "nearest"])
def test_parameters_are_as_many_as_in_the_paper(scale, count, upsampling):
    with torch.device("meta"):
        network = SuperResolutionNetwork(PairSpec(3, 3, 288, scale), upsampling=upsampling)
    assert sum(weight.numel() for weight in network.parameters()) == count


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize("upsampling", ["transposed", "nearest"])
@pytest.mark.parametrize("skip", ["none", "bicubic"])
def test_it_enlarges_by_its_scale_and_all_of_it_learns(scale, upsampling, skip):
    torch.manual_seed(0)
    network = SuperResolutionNetwork(PairSpec(3, 3, 32, scale), 2, 1, upsampling, skip)
    image = network(torch.rand(2, 3, 5, 6))
    assert image.shape == (2, 3, 5 * scale, 6 * scale)
    for weight in network.layers[-1].parameters():
        torch.nn.init.normal_(weight)
    (network(torch.rand(2, 3, 5, 6)) * torch.randn(image.shape)).sum().backward()
    assert all(weight.grad.isfinite().all() for weight in network.parameters())


def test_with_the_skip_it_starts_as_bicubic_interpolation():
    network, low = SuperResolutionNetwork(PairSpec(3, 3, 32, 4), 2, 1, skip="bicubic"), torch.rand(1, 3, 4, 4)
    assert torch.equal(network(low), interpolate(low, scale_factor=4, mode="bicubic"))


@pytest.mark.parametrize("spec", [PairSpec(3, 3, 30, 3), PairSpec(3, 3, 32, 1), PairSpec(1, 1, 32, 2)])
def test_other_scales_and_grey_pictures_are_refused(spec):
    with pytest.raises(UserError, match=r"doubles images of three channels.* Set data.init_args.scale to 2, 4 or 8"):
        SuperResolutionNetwork(spec)
