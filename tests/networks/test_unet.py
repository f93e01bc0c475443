import pytest
import torch
from torch import nn

from lightning_cgan.batches import PairSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks.blocks.norms import Norm
from lightning_cgan.networks.unet import UNet


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


@pytest.mark.parametrize("norm", Norm)
@pytest.mark.parametrize("skips", [True, False])
@pytest.mark.parametrize("sides", [(32, 32), (32, 96)])
def test_images_come_out_as_large_as_they_went_in_with_finite_gradients(norm, skips, sides):
    network = UNet(PairSpec(2, 3, 32), width=2, norm=norm, skips=skips)
    image = network(torch.randn(1, 2, *sides))
    assert image.shape == (1, 3, *sides)
    assert image.abs().max() <= 1
    image.sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


def test_dropout_is_in_the_three_innermost_decoders_and_at_one_half():
    network = UNet(PairSpec(3, 3, 256), width=1)
    drops = [[layer.p for layer in up if isinstance(layer, nn.Dropout)] for up in network.up]
    assert drops == [[0.5]] * 3 + [[]] * 4
    assert not any(isinstance(layer, nn.Dropout) for layer in UNet(PairSpec(3, 3, 64), width=1, dropout=0.0).modules())


def test_the_image_the_bottleneck_and_the_first_map_have_no_norm():
    def normed(block):
        return any(isinstance(layer, nn.BatchNorm2d) for layer in block)

    network = UNet(PairSpec(3, 3, 256), width=1)
    assert [normed(down) for down in network.down] == [False] + [True] * 6 + [False]
    assert all(normed(up) for up in network.up)
    assert not normed(network.to_image)


def test_only_the_skips_bring_fine_detail_past_the_bottleneck():
    """With a bottleneck that says nothing the U-Net still answers to its image, the encoder-decoder does not."""
    image = torch.randn(2, 3, 16, 16)
    for skips in (True, False):
        network = UNet(PairSpec(3, 3, 16), width=4, skips=skips).eval()
        nn.init.zeros_(network.down[-1][1].weight)
        one, other = network(image)
        assert torch.equal(one, other) != skips


def test_initial_weights_are_the_papers():
    torch.manual_seed(0)
    for layer in UNet(PairSpec(3, 3, 64), width=16, norm=Norm.instance).modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            assert layer.weight.mean().item() == pytest.approx(0, abs=2e-3)
            assert layer.weight.std().item() == pytest.approx(0.02, rel=0.06)
            assert not layer.bias.any()


@pytest.mark.parametrize(("size", "depth"), [(256, 1), (3, None)])
def test_fewer_than_two_levels_are_refused(size, depth):
    with pytest.raises(UserError, match=r"at least 2 levels; got 1.*Set model.init_args.generator.init_args.depth"):
        UNet(PairSpec(3, 3, size), depth=depth)
