import pytest
import torch
from torch import nn

from lightning_cgan.batches import ImageSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks.acgan import Discriminator, GaussianNoise, Generator


def shapes(network, kind):
    return [tuple(layer.weight.shape[:2]) for layer in network.modules() if isinstance(layer, kind)]


@pytest.mark.parametrize(
    ("size", "start", "up"),
    [
        (32, (384 * 4 * 4, 110), [(384, 192), (192, 96), (96, 3)]),
        (128, (768 * 8 * 8, 110), [(768, 384), (384, 256), (256, 192), (192, 3)]),
    ],
)
def test_layers_are_those_of_the_papers_tables(size, start, up):
    spec = ImageSpec(3, size, 10)
    with torch.device("meta"):
        generator, discriminator = Generator(spec), Discriminator(spec)
    assert shapes(generator, nn.Linear) == [start]
    assert shapes(generator, nn.ConvTranspose2d) == up
    assert shapes(discriminator, nn.Conv2d) == [(16, 3), (32, 16), (64, 32), (128, 64), (256, 128), (512, 256)]
    assert [m.stride[0] for m in discriminator.modules() if isinstance(m, nn.Conv2d)] == [2, 1] * 3
    assert [m.num_features for m in discriminator.modules() if isinstance(m, nn.BatchNorm2d)] == [32, 64, 128, 256, 512]
    assert [m.p for m in discriminator.modules() if isinstance(m, nn.Dropout)] == [0.5] * 6
    assert shapes(discriminator, nn.Linear) == [(11, 512 * (size // 8) ** 2)]


@pytest.mark.parametrize("size", [8, 16, 32, 64, 128])
def test_every_size_has_the_right_shapes_and_finite_gradients(size):
    spec = ImageSpec(channels=2, size=size, num_classes=3)
    generator, discriminator = Generator(spec, width=2, latent_dim=5), Discriminator(spec, width=2)
    image = generator(torch.randn(4, 5), torch.tensor([0, 2, 1, 0]))
    source, classes = discriminator(image)
    assert image.shape == (4, 2, size, size)
    assert image.abs().max() <= 1
    assert source.shape == (4,)
    assert classes.shape == (4, 3)
    (source.sum() + classes.square().sum()).backward()
    for name, parameter in [*generator.named_parameters(), *discriminator.named_parameters()]:
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_weights_start_as_in_the_paper():
    torch.manual_seed(0)
    for network in (Generator(ImageSpec(3, 32, 10)), Discriminator(ImageSpec(3, 32, 10))):
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                assert layer.weight.std().item() == pytest.approx(0.02, rel=0.1)
                assert not layer.bias.any()


def test_the_label_changes_the_image():
    generator = Generator(ImageSpec(1, 16, 10), width=4).eval()
    image = generator(torch.randn(1, 100).expand(2, -1), torch.tensor([0, 1]))
    assert not torch.equal(image[0], image[1])


def test_noise_has_its_deviation_and_ends_with_training():
    torch.manual_seed(0)
    noise, x = GaussianNoise(0.3), torch.ones(100, 100)
    assert (noise(x) - x).std().item() == pytest.approx(0.3, rel=0.05)
    assert torch.equal(noise.eval()(x), x)
    assert torch.equal(GaussianNoise(0.0)(x), x)


def test_the_discriminator_decides_the_same_twice_in_eval_mode_only():
    torch.manual_seed(0)
    discriminator, image = Discriminator(ImageSpec(1, 16, 10), width=4), torch.randn(4, 1, 16, 16)
    assert not torch.equal(discriminator(image)[0], discriminator(image)[0])
    discriminator.eval()
    assert torch.equal(discriminator(image)[1], discriminator(image)[1])


@pytest.mark.parametrize("network", [Generator, Discriminator])
@pytest.mark.parametrize("size", [4, 28, 96])
def test_a_size_that_is_not_a_power_of_two_is_refused(network, size):
    with pytest.raises(UserError, match=rf"power of two from 8 on; this data set has {size}\. Set data.init_args.size"):
        network(ImageSpec(3, size, 10))


@pytest.mark.parametrize("network", [Generator, Discriminator])
def test_data_without_classes_is_refused(network):
    with pytest.raises(ValueError, match=r"needs labelled images.*Set data"):
        network(ImageSpec(3, 32))


def test_noise_below_zero_is_refused():
    with pytest.raises(UserError, match=r"not below 0; got -0.1\. Set .*noise"):
        Discriminator(ImageSpec(3, 32, 10), noise=-0.1)
