import pytest
import torch
from torch import nn

from lightning_cgan.batches import ImageSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks.projection_super_resolution import (
    ConcatDiscriminator,
    Discriminator,
    Generator,
    projection_logit,
    reduced,
)


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_parameters_are_as_many_as_in_the_authors_code():
    spec = ImageSpec(3, 128)
    with torch.device("meta"):
        assert parameters(Generator(spec)) == 5_330_825
    assert parameters(Discriminator(spec)) == 29_390_340
    assert parameters(ConcatDiscriminator(spec)) == 29_401_557


@pytest.mark.parametrize(("size", "scale"), [(16, 4), (16, 2), (32, 2), (64, 4), (32, 8)])
def test_every_size_and_scale_has_the_right_shapes_and_finite_gradients(size, scale):
    spec = ImageSpec(2, size)
    generator = Generator(spec, width=4, scale=scale, noise=3)
    low = torch.rand(2, 2, size // scale, size // scale)
    image = generator(low, torch.randn(2, generator.latent_dim))
    assert image.shape == (2, 2, size, size)
    assert image.abs().max() <= 1
    for kind in (Discriminator, ConcatDiscriminator):
        discriminator = kind(spec, width=4, scale=scale)
        logits = discriminator(image, low)
        assert logits.shape == (2,)
        logits.sum().backward(retain_graph=True)
        for name, parameter in [*generator.named_parameters(), *discriminator.named_parameters()]:
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize(("size", "scale"), [(128, 3), (128, 1), (24, 2), (8, 4)])
def test_other_sizes_and_scales_are_refused(size, scale):
    for network in (Generator, Discriminator, ConcatDiscriminator):
        with pytest.raises(UserError, match=rf"got size {size} and scale {scale}. Set data.init_args.size"):
            network(ImageSpec(3, size), scale=scale)


def test_the_logit_is_the_inner_product_with_the_low_resolution_over_the_root_of_its_size():
    projected = torch.arange(8.0, dtype=torch.float64).view(1, 2, 2, 2)
    low = torch.tensor([1, 0, 0, 2, 0, 0, 0, 1], dtype=torch.float64).view(1, 2, 2, 2)
    logit = projection_logit(projected, low, torch.tensor([[0.5]], dtype=torch.float64))
    assert logit.tolist() == pytest.approx([(0 + 2 * 3 + 7) / 8**0.5 + 0.5], abs=1e-12)


def test_without_light_the_projection_says_nothing():
    discriminator = Discriminator(ImageSpec(1, 16), width=4).eval()
    image, dark = torch.randn(3, 1, 16, 16), torch.zeros(3, 1, 4, 4)
    features = discriminator.upper(image)
    assert torch.allclose(discriminator(image, dark), discriminator.pooled(features).squeeze(1), atol=1e-6)
    expected = (discriminator.project(features).sum((1, 2, 3)) / 4) + discriminator.pooled(features).squeeze(1)
    assert torch.allclose(discriminator(image, dark + 1), expected, atol=1e-5)


def test_the_low_resolution_changes_the_image_and_both_logits():
    spec = ImageSpec(1, 16)
    generator = Generator(spec, width=4, noise=2).eval()
    noise, low = torch.randn(1, generator.latent_dim), torch.rand(2, 1, 4, 4)
    image = generator(low, noise.expand(2, -1))
    assert not torch.equal(image[0], image[1])
    assert not torch.equal(image[:1], generator(low[:1], noise + 1))
    for discriminator in (Discriminator(spec, width=4), ConcatDiscriminator(spec, width=4)):
        logits = discriminator.eval()(image[:1].expand(2, -1, -1, -1), low)
        assert logits[0] != logits[1]


def test_every_weight_of_the_discriminator_has_spectral_norm_one():
    torch.manual_seed(0)
    discriminator = Discriminator(ImageSpec(1, 16), width=8)
    for _ in range(50):
        discriminator(torch.randn(2, 1, 16, 16), torch.randn(2, 1, 4, 4))
    layers = [m for m in discriminator.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(layers) == 14
    for layer in layers:
        assert torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2).item() == pytest.approx(1, abs=0.02)


def test_reducing_keeps_the_mean_light_and_even_images_as_they_are():
    assert torch.allclose(reduced(torch.full((1, 1, 16, 16), 0.3), 4), torch.full((1, 1, 4, 4), 0.3))
    image = torch.zeros(1, 1, 16, 16)
    image[..., 6:10, 6:10] = 1
    assert reduced(image, 4).mean().item() == pytest.approx(image.mean().item(), rel=1e-5)
