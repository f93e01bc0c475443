from functools import partial

import pytest
import torch
from torch.nn import functional as F
from torch.nn.functional import pad

from lightning_cgan.batches import ImageSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks.blocks.any_size import mirrored
from lightning_cgan.networks.style import SCALE, StyleNetwork, reflected
from tests.networks.statement import agree, starts_as

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


def test_grey_pictures_are_refused():
    with pytest.raises(UserError, match=r"three channels; got 1. Set data.init_args.channels to 3"):
        StyleNetwork(ImageSpec(1, 16))


def stated_enlargement(net, name, place, x, upsampling, normed):
    """The next map and the number of its next layer."""
    if upsampling == "transposed":
        x = net.transposed(f"{name}.{place}", x, stride=2, padding=1, output_padding=1)
    else:
        place += 1
        x = net.conv(f"{name}.{place}", x.repeat_interleave(2, 2).repeat_interleave(2, 3), padding=1)
    return normed(f"{name}.{place + 1}", x).relu(), place + 3


def stated(net, image, norm, upsampling):
    def normed(name, x):
        if norm == "batch":
            return net.batch_norm(name, x)
        return F.instance_norm(x, weight=net(f"{name}.weight"), bias=net(f"{name}.bias"), eps=1e-5)

    x = F.pad(image, [16] * 4, mode="reflect")  # 8 pixels for each of two blocks
    x = normed("down.1", net.conv("down.0", x, padding=4)).relu()
    x = normed("down.4", net.conv("down.3", x, stride=2, padding=1)).relu()
    x = normed("down.7", net.conv("down.6", x, stride=2, padding=1)).relu()
    for block in (0, 1):
        h = normed(f"blocks.{block}.norm1", net.conv(f"blocks.{block}.conv1", x)).relu()
        x = x[..., 2:-2, 2:-2] + normed(f"blocks.{block}.norm2", net.conv(f"blocks.{block}.conv2", h))
    place = 0
    for _ in range(2):
        x, place = stated_enlargement(net, "up", place, x, upsampling, normed)
    x = net.conv(f"up.{place}", x, padding=4).tanh() * 150
    mean = (torch.tensor([123.68, 116.779, 103.939])[:, None, None] / 127.5 - 1).double()
    return (x / 127.5 + mean)[..., : image.shape[2], : image.shape[3]]


@pytest.mark.parametrize("norm", ["batch", "instance"])
@pytest.mark.parametrize("upsampling", ["transposed", "nearest"])
def test_layers_are_those_of_the_paper(norm, upsampling):
    network = StyleNetwork(SPEC, 2, 2, norm, upsampling)
    agree(network, partial(stated, norm=norm, upsampling=upsampling), torch.rand(2, 3, 20, 18))
    assert StyleNetwork(SPEC, 2).margin == 40


def test_convolutions_start_as_pytorch_starts_them():
    torch.manual_seed(0)
    for layer in StyleNetwork(SPEC, 8, 1).modules():
        if isinstance(layer, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
            starts_as(layer.weight, "uniform", layer.weight[0].numel() ** -0.5)
