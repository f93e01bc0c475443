import pytest
import torch

from lightning_cgan.batches import ImageSpec
from lightning_cgan.networks.wgan_gp import Critic, Generator


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_parameters_are_as_many_as_in_the_authors_code():
    spec = ImageSpec(3, 32)
    assert parameters(Generator(spec)) == 1_204_483
    assert parameters(Critic(spec)) == 1_053_825
    assert parameters(Generator(ImageSpec(3, 32, 10))) == 1_218_307  # of the supervised version


@pytest.mark.parametrize("size", [16, 32])
def test_shapes_and_gradients(size):
    spec = ImageSpec(2, size)
    generator, critic = Generator(spec, width=4), Critic(spec, width=4)
    image = generator(torch.randn(3, 128))
    outputs = critic(image)
    assert image.shape == (3, 2, size, size)
    assert outputs.shape == (3,)
    outputs.sum().backward()
    for parameter in [*generator.parameters(), *critic.parameters()]:
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()


def test_the_critic_judges_each_image_by_itself():
    critic = Critic(ImageSpec(1, 16), width=4)
    image = torch.randn(4, 1, 16, 16)
    assert torch.allclose(critic(image)[:2], critic(image[:2]), atol=1e-6)
    assert not any("parametrizations" in name for name, _ in critic.named_parameters())


def test_features_are_averaged_over_the_map():
    critic = Critic(ImageSpec(1, 16), width=4)
    torch.nn.init.zeros_(critic.score.weight)
    critic.score.weight.data[0, 0] = 1
    image = torch.randn(2, 1, 16, 16)
    expected = critic.blocks(image).relu()[:, 0].mean((1, 2))
    assert torch.allclose(critic(image), expected, atol=1e-6)
