import pytest
import torch

from lightning_cgan.batches import ImageSpec
from lightning_cgan.networks import sngan
from lightning_cgan.networks.sngan_class_head import Discriminator


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("spec", [(3, 32, 10), (3, 128, 1000)])
def test_only_a_linear_classifier_is_added_to_the_trunk(spec):
    spec = ImageSpec(*spec)
    discriminator = Discriminator(spec)
    trunk = sngan.Discriminator(spec._replace(num_classes=0))
    features = discriminator.trunk.score.in_features
    assert parameters(discriminator) == parameters(trunk) + (features + 1) * spec.num_classes


@pytest.mark.parametrize("size", sngan.WIDTHS)
def test_every_size_has_the_right_shapes_and_finite_gradients(size):
    discriminator = Discriminator(ImageSpec(channels=2, size=size, num_classes=3), width=4)
    source, classes = discriminator(torch.randn(2, 2, size, size))
    assert source.shape == (2,)
    assert classes.shape == (2, 3)
    (source.sum() + classes.square().sum()).backward()
    for name, parameter in discriminator.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_the_source_logit_is_the_unconditional_discriminators():
    discriminator, image = Discriminator(ImageSpec(1, 16, 3), width=4).eval(), torch.randn(4, 1, 16, 16)
    assert torch.equal(discriminator(image)[0], discriminator.trunk(image))


def test_every_weight_has_spectral_norm_one():
    torch.manual_seed(0)
    discriminator, image = Discriminator(ImageSpec(1, 16, 10), width=8), torch.randn(4, 1, 16, 16)
    for _ in range(50):
        discriminator(image)
    for layer in (discriminator.classes, discriminator.trunk.blocks[0].conv1):
        assert torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2).item() == pytest.approx(1, abs=0.02)


def test_one_call_takes_one_power_iteration():
    discriminator = Discriminator(ImageSpec(1, 16, 10), width=4)
    for layer in (discriminator.classes, discriminator.trunk.blocks[0].conv1):
        weight = layer.parametrizations.weight
        u = torch.nn.functional.normalize(weight.original.flatten(1) @ weight[0]._v, dim=0)
        discriminator(torch.randn(1, 1, 16, 16))
        assert torch.allclose(weight[0]._u, u, atol=1e-6)


def test_data_without_classes_is_refused():
    with pytest.raises(ValueError, match=r"needs labelled images.*Set data"):
        Discriminator(ImageSpec(3, 32))
