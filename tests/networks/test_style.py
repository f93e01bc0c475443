import pytest
import torch
from torch.nn.functional import pad

from lightning_cgan.batches import ImageSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks.blocks.any_size import mirrored
from lightning_cgan.networks.style import SCALE, StyleNetwork, UnpaddedBlock, reflected

SPEC = ImageSpec(3, 256)


def parameters(network):
    return sum(weight.numel() for weight in network.parameters())


@pytest.mark.parametrize("norm", ["batch", "instance"])
@pytest.mark.parametrize("upsampling", ["transposed", "nearest"])
def test_parameters_are_as_many_as_in_the_paper(norm, upsampling):
    with torch.device("meta"):
        assert parameters(StyleNetwork(SPEC, norm=norm, upsampling=upsampling)) == 1_679_235
        assert parameters(StyleNetwork(SPEC, 16, norm=norm, upsampling=upsampling)) == 424_899


def test_sizes_inside_are_the_papers():
    seen = []
    with torch.device("meta"):
        network = StyleNetwork(SPEC)
        for layer in (*network.down, *network.blocks, *network.up):
            layer.register_forward_hook(lambda layer, _, out: seen.append(out.shape[-1]))
        image = torch.empty(1, 3, 256, 256)
        hidden = network.up(network.blocks(network.down(reflected(image, network.margin))))
    assert hidden.shape == image.shape
    assert list(dict.fromkeys(seen)) == [336, 168, 84, 80, 76, 72, 68, 64, 128, 256]


@pytest.mark.parametrize("upsampling", ["transposed", "nearest"])
@pytest.mark.parametrize("size", [(64, 48), (37, 101), (5, 1)])
def test_an_image_keeps_its_size_whatever_that_is(size, upsampling):
    network = StyleNetwork(SPEC, 2, upsampling=upsampling)
    assert network(torch.rand(2, 3, *size)).shape == (2, 3, *size)


def test_reflection_is_torchs_and_goes_on_where_an_image_is_smaller_than_it():
    image = torch.rand(2, 3, 50, 45)
    assert torch.equal(reflected(image, 40), pad(image, [40] * 4, mode="reflect"))
    assert mirrored(4, 4).tolist() == [2, 1, 0, 1, 2, 3, 2, 1]
    assert mirrored(2, 6).tolist() == [1, 0, 1, 0, 1, 0, 1, 0]
    assert mirrored(1, 4).tolist() == [0] * 5


def test_a_residual_block_adds_the_middle_of_its_input():
    block = UnpaddedBlock(2, "instance")
    torch.nn.init.zeros_(block.norm2.weight)
    image = torch.rand(1, 2, 9, 8)
    assert torch.equal(block(image), image[..., 2:-2, 2:-2])


def test_the_last_layer_is_150_tanh_around_caffes_mean_colour():
    network = StyleNetwork(SPEC, 2)
    for weight in (network.up[-1].weight, network.up[-1].bias):
        torch.nn.init.zeros_(weight)
    middle = (network(torch.rand(1, 3, 8, 8))[0, :, 0, 0] + 1) * 127.5
    assert middle.tolist() == pytest.approx([123.68, 116.779, 103.939])
    torch.nn.init.constant_(network.up[-1].bias, 100.0)
    brightest = (network(torch.rand(1, 3, 8, 8))[0, :, 0, 0] + 1) * 127.5
    assert (brightest - middle).tolist() == pytest.approx([150.0] * 3)
    assert pytest.approx(150 / 127.5) == SCALE
    assert set(network.state_dict()) == {name for name, _ in network.named_parameters()}


@pytest.mark.parametrize("norm", ["batch", "instance"])
@pytest.mark.parametrize("upsampling", ["transposed", "nearest"])
def test_every_parameter_gets_a_gradient(norm, upsampling):
    torch.manual_seed(0)
    network = StyleNetwork(SPEC, 2, norm=norm, upsampling=upsampling).double()
    if norm == "batch":
        assert any(name.endswith("running_mean") for name in network.state_dict())
    (network(torch.rand(2, 3, 16, 16, dtype=torch.float64)) * torch.randn(2, 3, 16, 16)).sum().backward()
    assert all(weight.grad.isfinite().all() for weight in network.parameters())
    assert all(weight.grad.any() for name, weight in network.named_parameters() if name.endswith("weight"))


def test_grey_pictures_are_refused():
    with pytest.raises(UserError, match=r"three channels; got 1. Set data.init_args.channels to 3"):
        StyleNetwork(ImageSpec(1, 16))
