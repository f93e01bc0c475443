import pytest
import torch

from lightning_cgan.batches import ImageSpec
from lightning_cgan.networks import dcgan, wgan_gp
from lightning_cgan.papers.wgan_gp import WGANGP
from tests.papers.steps import train

SPEC = ImageSpec(channels=1, size=16, num_classes=10)
TINY = {"generator": lambda s: wgan_gp.Generator(s, 4, 5), "critic": lambda s: wgan_gp.Critic(s, 4)}


def test_it_trains_in_mixed_precision():
    model = WGANGP(SPEC, **TINY, n_critic=1)
    train(model, precision="bf16-mixed")
    assert all(parameter.isfinite().all() for parameter in model.parameters())


class Slope(torch.nn.Module):
    """A linear critic of slope 3."""

    def __init__(self, spec):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(3.0))

    def forward(self, image):
        return self.weight * image[:, 0, 0, 0]


class Black(torch.nn.Module):
    latent_dim = 2

    def __init__(self, spec):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(1.0))

    def forward(self, noise):
        return -self.weight * torch.ones(len(noise), 1, 16, 16)


def test_the_critic_has_its_distance_and_its_penalty():
    model = WGANGP(SPEC, generator=Black, critic=Slope)
    distance, penalty, (real, fake) = model.critic_terms(torch.ones(4, 1, 16, 16))
    assert (distance.item(), penalty.item()) == pytest.approx((6, 4))
    assert (real.mean() - fake.mean()).item() == pytest.approx(6)
    assert model.generator_loss(4).item() == 3


def test_the_penalty_reaches_the_critic_and_not_the_generator():
    model = WGANGP(SPEC, **TINY)
    model.critic_terms(torch.rand(4, 1, 16, 16))[1].backward()
    assert any(parameter.grad is not None and parameter.grad.any() for parameter in model.critic.parameters())
    assert all(parameter.grad is None for parameter in model.generator.parameters())


def test_the_defaults_are_those_of_algorithm_1():
    model = WGANGP(ImageSpec(3, 32))
    settings = model.optimizer_factories["critic"](model.critic.parameters()).defaults
    assert (settings["lr"], settings["betas"]) == (1e-4, (0.0, 0.9))
    assert (model.n_critic, model.gp_weight) == (5, 10)


def test_a_critic_with_batch_norm_is_refused():
    with pytest.raises(ValueError, match=r"no batch norm; got it in Discriminator. Set model.init_args.critic"):
        WGANGP(SPEC, critic=lambda s: dcgan.Discriminator(s, 4))


@pytest.mark.parametrize("name", ["n_critic", "g_batch_ratio"])
def test_counts_below_one_are_refused(name):
    with pytest.raises(ValueError, match=rf"{name} is at least 1; got 0. Set model.init_args.{name}"):
        WGANGP(SPEC, **TINY, **{name: 0})
