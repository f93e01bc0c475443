import pytest
import torch

from lightning_cgan.batches import PairSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks.srresnet import Discriminator, Generator, bicubic

SPEC = PairSpec(3, 3, 32, 4)


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_networks_have_the_papers_numbers_of_parameters():
    with torch.device("meta"):
        assert parameters(Generator(PairSpec(3, 3, 96, 4))) == 1_549_462
        assert parameters(Generator(PairSpec(3, 3, 96, 2))) == 1_549_462 - (64 * 256 * 9 + 256 + 1)
        assert parameters(Discriminator(PairSpec(3, 3, 96, 4))) == 23_565_505


def test_batch_norm_follows_every_convolution_of_the_blocks_and_can_be_left_out():
    def norms(network):
        return sum(isinstance(layer, torch.nn.BatchNorm2d) for layer in network.modules())

    with torch.device("meta"):
        assert norms(Generator(SPEC)) == 2 * 16 + 1
        assert norms(Generator(SPEC, norm=False)) == 0
        assert norms(Discriminator(SPEC)) == 7


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_an_image_of_any_size_becomes_scale_times_larger(scale):
    network = Generator(PairSpec(3, 1, 32, scale), width=4, blocks=1)
    assert network(torch.rand(2, 3, 5, 7)).shape == (2, 1, 5 * scale, 7 * scale)
    assert network.eval()(torch.rand(0, 3, 5, 7)).shape == (0, 1, 5 * scale, 7 * scale)


def test_with_the_skip_a_network_that_says_nothing_interpolates():
    network = Generator(SPEC, width=4, blocks=1, bicubic_skip=True)
    torch.nn.init.zeros_(network.last.weight)
    torch.nn.init.zeros_(network.last.bias)
    low = torch.rand(2, 3, 6, 6)
    assert torch.equal(network(low), bicubic(low, 4))


def test_interpolation_undoes_a_slope():
    slope = torch.linspace(-1, 1, 12).expand(1, 1, 12, 12)
    step = slope[0, 0, 0, 1] - slope[0, 0, 0, 0]
    assert torch.allclose(bicubic(slope, 4)[..., 8:-8].diff(), step / 4, atol=1e-6)


@pytest.mark.parametrize("network", [Generator(SPEC, 4, 2), Generator(SPEC, 4, 2, norm=False, bicubic_skip=True)])
def test_every_parameter_of_the_generator_gets_a_gradient(network):
    network(torch.rand(2, 3, 8, 8)).square().mean().backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())
    assert all(parameter.grad.abs().sum() > 0 for name, parameter in network.named_parameters() if "weight" in name)


def test_the_discriminator_halves_four_times_and_sees_the_whole_image():
    network = Discriminator(SPEC, width=2).eval()
    maps = []
    for layer in network.layers:
        layer.register_forward_hook(lambda layer, given, found: maps.append(tuple(found.shape[1:])))
    image = torch.rand(3, 3, 32, 32, requires_grad=True)
    logits = network(image)
    assert logits.shape == (3,)
    assert [shape for shape in dict.fromkeys(maps) if len(shape) == 3] == [
        (2, 32, 32), (2, 16, 16), (4, 16, 16), (4, 8, 8), (8, 8, 8), (8, 4, 4), (16, 4, 4), (16, 2, 2)
    ]  # fmt: skip
    logits[1].backward()
    assert (image.grad[1].abs().sum(0) > 0).all()
    assert (image.grad[[0, 2]] == 0).all()


@pytest.mark.parametrize("scale", [1, 3, 6])
def test_scales_that_are_no_doublings_are_refused(scale):
    with pytest.raises(UserError, match=rf"the scale is 2, 4, 8, ...; got {scale}. Set data.init_args.scale"):
        Generator(PairSpec(3, 3, 96, scale))


def test_a_skip_between_images_of_other_channels_is_refused():
    with pytest.raises(UserError, match=r"as many channels; got 1 and 3. Set generator.init_args.bicubic_skip"):
        Generator(PairSpec(1, 3, 32, 4), bicubic_skip=True)


def test_sizes_that_the_discriminator_was_not_made_for_are_refused():
    with pytest.raises(UserError, match=r"a multiple of 16; got 88. Set data.init_args.size"):
        Discriminator(PairSpec(3, 3, 88, 4))
    with pytest.raises(UserError, match=r"takes images of 32x32 pixels only; got 48x32. Set data.init_args.size"):
        Discriminator(SPEC, width=2)(torch.rand(1, 3, 48, 32))
