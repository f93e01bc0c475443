import pytest
import torch

from lightning_cgan.batches import ImageSpec
from lightning_cgan.networks import dcgan
from lightning_cgan.papers.wgan import WGAN
from tests.papers.steps import train

SPEC = ImageSpec(channels=1, size=16, num_classes=10)
TINY = {"generator": lambda s: dcgan.Generator(s, 4, 5), "critic": lambda s: dcgan.Discriminator(s, 4)}


def test_the_critic_trains_long_at_the_start_and_now_and_then():
    wgan = WGAN(SPEC, **TINY)
    assert [wgan.n_critic_at(update) for update in (0, 24, 25, 499, 500, 501, 1000)] == [100, 100, 5, 5, 100, 5, 100]


def test_clipping_bounds_every_parameter_of_the_critic_and_none_of_the_generator():
    wgan = WGAN(SPEC, **TINY, clip_value=0.005)
    before = [parameter.clone() for parameter in wgan.generator.parameters()]
    wgan.clip_critic()
    assert max(parameter.abs().max().item() for parameter in wgan.critic.parameters()) == pytest.approx(0.005)
    assert all(torch.equal(a, b) for a, b in zip(before, wgan.generator.parameters(), strict=True))


def test_the_critic_is_clipped_before_each_of_its_updates(monkeypatch):
    largest, loss = [], WGAN.critic_loss

    def note(wgan, real):
        largest.append(max(parameter.abs().max().item() for parameter in wgan.critic.parameters()))
        return loss(wgan, real)

    monkeypatch.setattr(WGAN, "critic_loss", note)
    train(WGAN(SPEC, **TINY, clip_value=0.01, warmup=0, long_every=9, n_critic_warmup=2))
    assert len(largest) == 7
    assert max(largest) <= 0.01


class Mean(torch.nn.Module):
    def __init__(self, spec):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(2.0))

    def forward(self, image):
        return self.weight * image.mean((1, 2, 3))


class Black(torch.nn.Module):
    latent_dim = 2

    def __init__(self, spec):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(1.0))

    def forward(self, noise):
        return -self.weight * torch.ones(len(noise), 1, 16, 16)


def test_the_losses_are_differences_of_means():
    wgan = WGAN(SPEC, generator=Black, critic=Mean)
    loss, (real, fake) = wgan.critic_loss(torch.ones(4, 1, 16, 16))
    assert (loss.item(), real.tolist(), fake.tolist()) == (-4, [2] * 4, [-2] * 4)
    assert wgan.generator_loss(4).item() == 2


def test_the_defaults_are_the_papers():
    wgan = WGAN(ImageSpec(3, 64))
    assert wgan.schedule(10, 100) == 1
    for factory in wgan.optimizer_factories.values():
        optimizer = factory(wgan.critic.parameters())
        assert isinstance(optimizer, torch.optim.RMSprop)
        assert (optimizer.defaults["lr"], optimizer.defaults["alpha"]) == (5e-5, 0.99)
    assert wgan.clip_value == 0.01


@pytest.mark.parametrize("name", ["n_critic", "n_critic_warmup", "long_every"])
def test_counts_below_one_are_refused(name):
    with pytest.raises(ValueError, match=rf"{name} is at least 1; got 0. Set model.init_args.{name}"):
        WGAN(SPEC, **TINY, **{name: 0})


def test_a_bound_of_nothing_is_refused():
    with pytest.raises(ValueError, match=r"above 0; got 0. Set model.init_args.clip_value"):
        WGAN(SPEC, **TINY, clip_value=0)
