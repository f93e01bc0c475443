import pytest
import torch

from lightning_cgan.batches import PairSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks.blocks.norms import Norm
from lightning_cgan.networks.resnet_translation import ResNet


def network(channels_a=3, channels_b=3, size=16, width=4, blocks=2, **options):
    torch.manual_seed(0)
    return ResNet(PairSpec(channels_a, channels_b, size), width, blocks, **options).eval()


@pytest.mark.parametrize(
    ("channels", "options", "parameters"),
    [
        (3, {"blocks": 9}, 11_378_179),
        (3, {"blocks": 6}, 7_837_699),
        (3, {"blocks": 9, "norm": Norm.batch}, 11_383_427),
        (3, {"blocks": 6, "norm": Norm.batch}, 7_841_411),
        (1, {"blocks": 9}, 11_365_633),
        (3, {"blocks": 9, "width": 32}, 2_850_563),
        (3, {"blocks": 6, "width": 32}, 1_965_059),
        (3, {"blocks": 6, "resize_convolution": True}, 7_837_699),
    ],
)
def test_parameters_are_as_many_as_in_the_published_network(channels, options, parameters):
    with torch.device("meta"):
        generator = ResNet(PairSpec(channels, channels, 256), **options)
    assert sum(parameter.numel() for parameter in generator.parameters()) == parameters


@pytest.mark.parametrize(
    ("dropout", "second", "shapes"),
    [(0.0, 5, {"model.19": (256, 128, 3, 3), "model.26": (3, 64, 7, 7)}), (0.5, 6, {"model.4": (128, 64, 3, 3)})],
)
def test_weights_are_called_as_in_published_files(dropout, second, shapes):
    with torch.device("meta"):
        generator = ResNet(PairSpec(3, 3, 256), dropout=dropout)
    held = {name: tuple(weight.shape) for name, weight in generator.named_parameters()}
    assert len(held) == 48
    blocks = {f"model.{10 + block}.conv_block.{place}.weight" for block in range(9) for place in (1, second)}
    assert blocks <= held.keys()
    assert all(held[f"{name}.weight"] == shape and f"{name}.bias" in held for name, shape in shapes.items())


def test_an_image_of_one_format_becomes_one_of_the_other():
    image = network(1, 3)(torch.rand(2, 1, 16, 24))
    assert image.shape == (2, 3, 16, 24)
    assert image.abs().max() < 1


def test_every_parameter_is_trained():
    generator = network(blocks=1, norm=Norm.batch)
    generator(torch.randn(2, 3, 16, 16)).square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in generator.parameters())


def test_sides_that_are_multiples_of_four_are_kept():
    assert network().multiple == 4
    assert network()(torch.rand(1, 3, 12, 8)).shape[-2:] == (12, 8)
    assert network()(torch.rand(1, 3, 11, 8)).shape[-2:] != (11, 8)


def test_an_image_is_translated_the_same_alone_and_among_others():
    generator, images = network(), torch.rand(3, 3, 16, 16)
    assert torch.allclose(generator(images)[1:2], generator(images[1:2]), atol=1e-6)


def test_an_empty_batch_is_translated_to_an_empty_batch():
    assert network()(torch.rand(0, 3, 16, 16)).shape == (0, 3, 16, 16)


@pytest.mark.parametrize(("resize", "patterned"), [(False, True), (True, False)])
def test_resize_convolutions_do_not_print_the_pattern_of_transposed_ones(resize, patterned):
    doubling = network(blocks=0, resize_convolution=resize).model[10]
    convolution = doubling[-1] if resize else doubling
    with torch.no_grad():
        convolution.weight.fill_(1)
        written = doubling(torch.ones(1, 16, 8, 8))[0, 0, 2:-2, 2:-2]  # how often each pixel is
    assert (written.std() > 1).item() is patterned


def test_dropout_acts_in_training_alone():
    generator, image = network(dropout=0.5), torch.rand(1, 3, 16, 16)
    assert torch.equal(generator(image), generator(image))
    generator.train()
    assert not torch.equal(generator(image), generator(image))


def test_images_whose_innermost_map_is_one_pixel_are_refused():
    with pytest.raises(UserError, match=r"got 4. Set data.init_args.size"):
        network(size=4)
