import pytest
import torch

from lightning_cgan.batches import ImageSpec
from lightning_cgan.losses.objectives import Objective
from lightning_cgan.networks import dcgan, maxout
from lightning_cgan.papers.gan import GAN

SPEC = ImageSpec(channels=1, size=16, num_classes=10)
CONVOLUTIONAL = {"generator": lambda s: dcgan.Generator(s, 4, 5), "discriminator": lambda s: dcgan.Discriminator(s, 4)}
TINY = {"generator": lambda s: maxout.Generator(s, 5, 8), "discriminator": lambda s: maxout.Discriminator(s, 4)}


@pytest.mark.parametrize("objective", Objective)
def test_losses_send_gradients_where_they_belong(objective):
    gan = GAN(SPEC, **CONVOLUTIONAL, objective=objective)
    gan.discriminator_loss(torch.rand(4, 1, 16, 16))[0].backward()
    assert all(parameter.grad is None for parameter in gan.generator.parameters())
    assert all(parameter.grad is not None for parameter in gan.discriminator.parameters())
    gan.generator_loss(4).backward()
    assert all(parameter.grad is not None for parameter in gan.generator.parameters())


class Brightness(torch.nn.Module):
    """A discriminator that takes bright images for real."""

    def __init__(self, spec):
        super().__init__()
        self.weight, self.calls = torch.nn.Parameter(torch.tensor(2.0)), []

    def forward(self, image):
        self.calls.append(len(image))
        return self.weight * image.mean((1, 2, 3))


class Black(torch.nn.Module):
    latent_dim = 2

    def __init__(self, spec):
        super().__init__()
        self.weight, self.spec = torch.nn.Parameter(torch.tensor(1.0)), spec

    def forward(self, noise):
        return -self.weight * torch.ones(len(noise), 1, 16, 16)


def test_the_values_are_those_of_equation_1():
    gan = GAN(SPEC, generator=Black, discriminator=Brightness)
    wrong, right = torch.tensor(2.0).exp().log1p(), torch.tensor(-2.0).exp().log1p()  # softplus of 2 and -2
    for real, value in ((torch.ones(4, 1, 16, 16), 2 * right), (-torch.ones(4, 1, 16, 16), wrong + right)):
        loss, (real_logits, fake_logits) = gan.discriminator_loss(real)
        assert torch.allclose(loss, value)
        assert torch.equal(real_logits, 2 * real[:, 0, 0, 0])
        assert fake_logits.tolist() == [-2] * 4
    assert torch.allclose(gan.generator_loss(4), wrong)
    gan.objective = Objective.minimax
    assert torch.allclose(gan.generator_loss(4), -right)


def test_real_and_generated_images_go_to_the_discriminator_separately():
    gan = GAN(SPEC, generator=Black, discriminator=Brightness)
    gan.discriminator_loss(torch.ones(4, 1, 16, 16))
    assert gan.discriminator.calls == [4, 4]


def test_r1_adds_half_the_squared_slope_at_real_images():
    plain, punished = (GAN(SPEC, generator=Black, discriminator=Brightness, r1_weight=w) for w in (0.0, 3.0))
    real = torch.ones(4, 1, 16, 16)
    slope = 2.0 / 16  # of the mean of 256 pixels: 256 gradients of 2/256
    difference = punished.discriminator_loss(real)[0] - plain.discriminator_loss(real)[0]
    assert difference.item() == pytest.approx(3.0 * slope**2 / 2, rel=1e-5)


def test_networks_are_told_nothing_of_classes():
    assert GAN(SPEC, generator=Black, discriminator=Brightness).generator.spec == ImageSpec(1, 16, 0)


def test_the_defaults_are_the_authors():
    gan = GAN(ImageSpec(1, 28))
    settings = gan.optimizer_factories["generator"](gan.generator.parameters()).defaults
    assert (settings["lr"], settings["momentum"]) == (0.1, 0.5)
    assert (gan.n_critic, gan.objective, gan.r1_weight) == (1, Objective.non_saturating, 0)
    assert gan.schedule(10, 100) == 1.000004**-10
    assert gan.schedule(10**7, 10**7) == 1e-5


def test_fewer_than_one_critic_update_is_refused():
    with pytest.raises(ValueError, match=r"at least 1; got 0. Set model.init_args.n_critic"):
        GAN(SPEC, n_critic=0)
