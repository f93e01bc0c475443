import pytest
import torch

from lightning_cgan.batches import EvalBatch, ImageSpec, Labelled, LatentBatch
from lightning_cgan.networks import sngan
from lightning_cgan.papers.projection import ProjectionGAN

SPEC = ImageSpec(channels=1, size=16, num_classes=10)


def model(**options):
    torch.manual_seed(0)
    networks = {"generator": lambda s: sngan.Generator(s, 4), "discriminator": lambda s: sngan.Discriminator(s, 4)}
    return ProjectionGAN(SPEC, **networks, **options)


def weights(network):
    return {name: parameter.detach().clone() for name, parameter in network.named_parameters()}


def test_the_discriminators_loss_sends_no_gradient_to_the_generator():
    gan = model()
    gan.discriminator_loss(torch.randn(4, 1, 16, 16), torch.arange(4))[0].backward()
    assert all(parameter.grad is None for parameter in gan.generator.parameters())
    assert all(parameter.grad.any() for parameter in gan.discriminator.parameters() if parameter.ndim > 1)


def test_the_defaults_are_the_papers():
    gan = ProjectionGAN(ImageSpec(3, 32, 10))
    for optimizer in gan.optimizer_factories.values():
        settings = optimizer([torch.nn.Parameter(torch.zeros(1))]).defaults
        assert (settings["lr"], settings["betas"]) == (2e-4, (0.0, 0.9))
    assert (gan.n_critic, gan.g_batch_ratio, gan.schedule(1, 2)) == (5, 2, 0.5)
    assert gan.generator.latent_dim == 128


def test_data_without_classes_is_refused():
    with pytest.raises(ValueError, match=r"needs labelled images.*Set data"):
        ProjectionGAN(ImageSpec(1, 16))


def test_an_evaluation_draws_the_same_image_for_an_index_in_any_batch():
    gan = model().eval()
    label, index = torch.arange(6), torch.arange(6)
    whole = gan.validation_step(EvalBatch(torch.zeros(2, 1, 16, 16), label[:2], LatentBatch(label, index)), 0)
    part = gan.validation_step(EvalBatch(torch.zeros(0, 1, 16, 16), label[:0], LatentBatch(label[4:], index[4:])), 0)
    assert torch.allclose(whole.fake[4:], part.fake, atol=1e-6)
    assert part.fake_label.tolist() == [4, 5]
    assert len(whole.real) == 2


def test_samples_follow_their_label_and_seed():
    gan = model().eval()
    torch.nn.init.normal_(gan.generator.blocks[0].norm1.bias.weight)
    images = gan.sample(3, label=7, seed=5)
    assert images.shape == (3, 1, 16, 16)
    assert not images.requires_grad
    assert torch.equal(images, gan.sample(3, label=[7, 7, 7], seed=5))
    assert not torch.equal(images, gan.sample(3, label=8, seed=5))
    assert not torch.equal(images, gan.sample(3, label=7, seed=6))
    with pytest.raises(ValueError, match="got"):
        gan.sample(3, label=10)


def test_batches_are_consumed_one_critic_update_each(run, monkeypatch):
    seen = []
    original = ProjectionGAN.training_step

    def note(self, batch: Labelled, batch_idx: int) -> None:
        seen.append((tuple(batch.image.shape), batch.image.dtype, float(batch.image.min()), float(batch.image.max())))
        original(self, batch, batch_idx)

    monkeypatch.setattr(ProjectionGAN, "training_step", note)
    assert run("fit", "--model.init_args.n_critic=2", steps=1) == 0
    assert seen == [((2, 4, 1, 16, 16), torch.float32, -1.0, 1.0)]


class Brightness(torch.nn.Module):
    """A discriminator that is sure: bright images are real. Notes the labels that it is told."""

    def __init__(self, spec):
        super().__init__()
        self.weight, self.told = torch.nn.Parameter(torch.tensor(2.0)), []

    def forward(self, image, label):
        self.told.append(label)
        return self.weight * image.mean((1, 2, 3))


class Black(torch.nn.Module):
    """A generator of black images. Notes the labels that it is asked for."""

    latent_dim = 2

    def __init__(self, spec):
        super().__init__()
        self.weight, self.asked = torch.nn.Parameter(torch.tensor(1.0)), []

    def forward(self, noise, label):
        self.asked.append(label)
        return -self.weight * torch.ones(len(noise), 1, 16, 16)


def test_a_discriminator_that_is_right_has_no_loss_and_the_generator_all_of_it():
    gan = ProjectionGAN(SPEC, generator=Black, discriminator=Brightness)
    white = torch.ones(4, 1, 16, 16)
    right, logits = gan.discriminator_loss(white, torch.arange(4))
    assert right.item() == 0
    assert [logit.tolist() for logit in logits] == [[2] * 4, [-2] * 4]
    assert gan.discriminator_loss(-white, torch.arange(4))[0].item() == 3
    assert gan.generator_loss(4).item() == 2


def test_the_discriminator_is_told_the_labels_that_the_generator_was_asked_for():
    gan = ProjectionGAN(SPEC, generator=Black, discriminator=Brightness)
    gan.discriminator_loss(torch.ones(4, 1, 16, 16), torch.tensor([9, 8, 7, 6]))
    gan.generator_loss(4)
    of_discriminator, of_generator = gan.generator.asked
    assert torch.equal(gan.discriminator.told[0], torch.cat([torch.tensor([9, 8, 7, 6]), of_discriminator]))
    assert torch.equal(gan.discriminator.told[1], of_generator)


@pytest.mark.parametrize("name", ["n_critic", "g_batch_ratio"])
def test_counts_below_one_are_refused(name):
    with pytest.raises(ValueError, match=rf"{name} is at least 1; got 0. Set model.init_args.{name}"):
        model(**{name: 0})
