import pytest
import torch

from lightning_cgan.batches import ImageSpec
from lightning_cgan.losses.objectives import Objective
from lightning_cgan.networks import dcgan, maxout
from lightning_cgan.papers.cgan import ConditionalGAN

SPEC = ImageSpec(channels=1, size=16, num_classes=10)
CONVOLUTIONAL = {"generator": lambda s: dcgan.Generator(s, 4, 5), "discriminator": lambda s: dcgan.Discriminator(s, 4)}
TINY = {
    "generator": lambda s: maxout.ConditionalGenerator(s, 5, 4, 4, 8),
    "discriminator": lambda s: maxout.ConditionalDiscriminator(s, 4, 4),
}


class Brightness(torch.nn.Module):
    """A discriminator that takes images for real whose brightness is their label. Notes the labels it is told."""

    def __init__(self, spec):
        super().__init__()
        self.weight, self.told = torch.nn.Parameter(torch.tensor(2.0)), []

    def forward(self, image, label):
        self.told.append(label)
        return self.weight * image.mean((1, 2, 3)) * label


class Black(torch.nn.Module):
    """A generator of black images. Notes the labels that it is asked for."""

    latent_dim = 2

    def __init__(self, spec):
        super().__init__()
        self.weight, self.asked = torch.nn.Parameter(torch.tensor(1.0)), []

    def forward(self, noise, label):
        self.asked.append(label)
        return -self.weight * torch.ones(len(noise), 1, 16, 16)


def test_the_discriminator_is_told_the_labels_that_the_generator_was_asked_for():
    gan = ConditionalGAN(SPEC, generator=Black, discriminator=Brightness)
    given = torch.tensor([9, 8, 7, 6])
    gan.discriminator_loss(torch.ones(4, 1, 16, 16), given)
    gan.generator_loss(6)
    assert [len(asked) for asked in gan.generator.asked] == [4, 6]
    expected = [given, *gan.generator.asked]
    assert all(torch.equal(a, b) for a, b in zip(gan.discriminator.told, expected, strict=True))


def test_r1_is_taken_with_the_label():
    plain, punished = (ConditionalGAN(SPEC, generator=Black, discriminator=Brightness, r1_weight=w) for w in (0, 1))
    real, label = torch.ones(4, 1, 16, 16), torch.full((4,), 3)
    losses = []
    for gan in (plain, punished):
        torch.manual_seed(0)
        losses.append(gan.discriminator_loss(real, label)[0].item())
    assert losses[1] - losses[0] == pytest.approx((6 / 16) ** 2 / 2, rel=1e-5)


def test_samples_follow_their_label_and_seed():
    gan = ConditionalGAN(SPEC, **CONVOLUTIONAL).eval()
    images = gan.sample(3, label=7, seed=5)
    assert images.shape == (3, 1, 16, 16)
    assert torch.equal(images, gan.sample(3, label=[7, 7, 7], seed=5))
    assert not torch.equal(images, gan.sample(3, label=8, seed=5))
    assert not torch.equal(images, gan.sample(3, label=7, seed=6))
    with pytest.raises(ValueError, match="got"):
        gan.sample(3, label=10)


def test_data_without_classes_is_refused():
    with pytest.raises(ValueError, match=r"needs labelled images.*Set data"):
        ConditionalGAN(ImageSpec(1, 16))


@pytest.mark.parametrize("name", ["n_critic", "g_batch_ratio"])
def test_counts_below_one_are_refused(name):
    with pytest.raises(ValueError, match=rf"{name} is at least 1; got 0. Set model.init_args.{name}"):
        ConditionalGAN(SPEC, **{name: 0})


def test_the_objective_is_the_one_that_was_chosen():
    gan = ConditionalGAN(SPEC, generator=Black, discriminator=Brightness, objective=Objective.hinge)
    torch.manual_seed(0)
    loss = gan.generator_loss(1000)
    assert loss.item() == pytest.approx(2 * gan.generator.asked[0].double().mean().item(), rel=1e-5)


def test_the_rate_falls_as_the_paper_prints():
    schedule = ConditionalGAN(SPEC, **TINY).schedule
    assert [schedule(update, 10**7) for update in (0, 10, 10**7)] == [1, 1.00004**-10, 1e-5]
