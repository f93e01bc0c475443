import pytest
import torch

from lightning_cgan.batches import ImageSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks.dcgan import Discriminator, Generator


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("channels", "width", "generator", "discriminator"),
    [(3, 64, 3_576_704, 2_765_568), (1, 64, 3_574_656, 2_763_520), (3, 128, 12_658_432, 11_036_160)],
)
def test_parameters_are_as_many_as_in_the_authors_code(channels, width, generator, discriminator):
    spec = ImageSpec(channels, 64)
    assert parameters(Generator(spec, width)) == generator
    assert parameters(Discriminator(spec, width)) == discriminator


@pytest.mark.parametrize("size", [8, 16, 64])
@pytest.mark.parametrize("classes", [0, 3])
def test_every_size_has_the_right_shapes_and_finite_gradients(size, classes):
    spec = ImageSpec(channels=2, size=size, num_classes=classes)
    generator, discriminator = Generator(spec, width=4, latent_dim=5), Discriminator(spec, width=4)
    label = torch.tensor([0, 2]) if classes else None
    image = generator(torch.randn(2, 5), label)
    logits = discriminator(image, label)
    assert image.shape == (2, 2, size, size)
    assert image.abs().max() <= 1
    assert logits.shape == (2,)
    logits.sum().backward()
    for name, parameter in [*generator.named_parameters(), *discriminator.named_parameters()]:
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_both_see_the_label():
    spec = ImageSpec(1, 8, 3)
    generator, discriminator = Generator(spec, 4).eval(), Discriminator(spec, 4).eval()
    noise, image = torch.randn(1, 100), torch.randn(1, 1, 8, 8)
    first, second = torch.tensor([0]), torch.tensor([1])
    assert not torch.equal(generator(noise, first), generator(noise, second))
    assert not torch.equal(discriminator(image, first), discriminator(image, second))


def test_initial_weights_are_the_papers():
    torch.manual_seed(0)
    network = Generator(ImageSpec(3, 64))
    for layer in network.modules():
        if isinstance(layer, torch.nn.ConvTranspose2d):
            assert layer.weight.mean().item() == pytest.approx(0, abs=1e-3)
            assert layer.weight.std().item() == pytest.approx(0.02, abs=1e-3)
        if isinstance(layer, torch.nn.BatchNorm2d):
            assert layer.weight.mean().item() == pytest.approx(1, abs=0.02)
            assert layer.weight.std().item() == pytest.approx(0.02, abs=0.01)


def test_batch_norm_is_left_out_at_the_image_and_where_it_is_not_wanted():
    norms = [type(layer) is torch.nn.BatchNorm2d for layer in Discriminator(ImageSpec(3, 64)).layers]
    assert sum(norms) == 3
    assert not any(norms[:3])
    assert not any(
        isinstance(layer, torch.nn.BatchNorm2d) for layer in Discriminator(ImageSpec(3, 64), batch_norm=False).modules()
    )


@pytest.mark.parametrize("size", [4, 20, 28])
def test_a_size_that_is_no_power_of_two_is_refused(size):
    for network in (Generator, Discriminator):
        with pytest.raises(UserError, match=rf"8, 16, 32.*has {size}. Set data.init_args.size"):
            network(ImageSpec(1, size))
