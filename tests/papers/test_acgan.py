import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from lightning_cgan.batches import ImageSpec
from lightning_cgan.losses import gan as losses
from lightning_cgan.losses import hinge
from lightning_cgan.losses.objectives import Objective
from lightning_cgan.networks import acgan
from lightning_cgan.papers.acgan import ACGAN

SPEC = ImageSpec(channels=1, size=16, num_classes=10)
WHITE = torch.ones(4, 1, 16, 16)
LABEL = torch.tensor([9, 8, 7, 6])


def model(**options):
    torch.manual_seed(0)
    networks = {"generator": lambda s: acgan.Generator(s, 4), "discriminator": lambda s: acgan.Discriminator(s, 4)}
    return ACGAN(SPEC, **networks | options)


class Teacher(nn.Module):
    """A discriminator with fixed logits for bright and for dark images. Notes what it sees."""

    def __init__(self, spec):
        super().__init__()
        self.weight, self.seen = nn.Parameter(torch.tensor(1.0)), []
        torch.manual_seed(1)
        self.bright, self.dark = torch.randn(2, 4, 10, dtype=torch.float64)

    def forward(self, image):
        self.seen.append(image)
        return self.weight * image.mean((1, 2, 3)), self.bright if image.mean() > 0 else self.dark


class Black(nn.Module):
    """A generator of black images. Notes the labels that it is asked for."""

    latent_dim = 2

    def __init__(self, spec):
        super().__init__()
        self.weight, self.asked = nn.Parameter(torch.tensor(1.0)), []

    def forward(self, noise, label):
        self.asked.append(label)
        return -self.weight * torch.ones(len(noise), 1, 16, 16)


def taught(**options):
    return model(generator=Black, discriminator=Teacher, **options)


def test_the_discriminators_loss_sends_no_gradient_to_the_generator():
    gan = model()
    gan.discriminator_loss(torch.randn(4, 1, 16, 16), torch.arange(4))[0].backward()
    assert all(parameter.grad is None for parameter in gan.generator.parameters())
    assert all(parameter.grad.any() for parameter in gan.discriminator.parameters() if parameter.ndim > 1)


def test_the_discriminators_loss_is_of_source_and_class_on_both_kinds_of_images():
    gan = taught()
    loss, logits = gan.discriminator_loss(WHITE, LABEL)
    assert [logit.tolist() for logit in logits] == [[1] * 4, [-1] * 4]
    source = losses.discriminator_loss(torch.ones(4), -torch.ones(4))
    teacher = gan.discriminator
    of_class = cross_entropy(teacher.bright, LABEL) + cross_entropy(teacher.dark, gan.generator.asked[0])
    assert loss.item() == pytest.approx((source + of_class).item(), rel=1e-6)


def test_the_generators_loss_is_of_source_and_of_the_class_that_was_asked():
    gan = taught()
    loss = gan.generator_loss(4)
    of_class = cross_entropy(gan.discriminator.dark, gan.generator.asked[0])
    assert loss.item() == pytest.approx((losses.non_saturating(-torch.ones(4)) + of_class).item(), rel=1e-6)


def test_class_loss_on_real_leaves_out_exactly_the_generated_images():
    both, real = taught(), taught(class_loss_on="real")
    torch.manual_seed(2)
    of_both, _ = both.discriminator_loss(WHITE, LABEL)
    torch.manual_seed(2)
    of_real, _ = real.discriminator_loss(WHITE, LABEL)
    of_fake = cross_entropy(both.discriminator.dark, both.generator.asked[0])
    assert (of_both - of_real).item() == pytest.approx(of_fake.item(), rel=1e-5)
    torch.manual_seed(2)
    of_generator = both.generator_loss(4)
    torch.manual_seed(2)
    assert of_generator == real.generator_loss(4)


def test_class_weights_weigh_the_class_loss_of_one_network_each():
    gan = taught(discriminator_class_weight=0.0, generator_class_weight=0.5, objective=Objective.hinge)
    loss, logits = gan.discriminator_loss(WHITE, LABEL)
    assert [logit.tolist() for logit in logits] == [[1] * 4, [-1] * 4]
    assert loss.item() == pytest.approx(hinge.discriminator_hinge(torch.ones(4), -torch.ones(4)).item())
    loss = gan.generator_loss(4)
    of_class = cross_entropy(gan.discriminator.dark, gan.generator.asked[1])
    assert loss.item() == pytest.approx(1 + 0.5 * of_class.item(), rel=1e-6)


def test_real_and_generated_images_take_a_call_each():
    gan = taught()
    gan.discriminator_loss(WHITE, LABEL)
    assert [image.mean().item() for image in gan.discriminator.seen] == [1, -1]


def test_the_defaults_are_the_papers():
    gan = ACGAN(ImageSpec(3, 32, 10))
    for optimizer in gan.optimizer_factories.values():
        settings = optimizer([nn.Parameter(torch.zeros(1))]).defaults
        assert (settings["lr"], settings["betas"]) == (2e-4, (0.5, 0.999))
    assert (gan.class_loss_on, gan.discriminator_class_weight, gan.generator_class_weight) == ("real_and_fake", 1, 1)
    assert (gan.objective, gan.n_critic, gan.g_batch_ratio) == (Objective.non_saturating, 1, 1)
    assert gan.schedule(40_000, 50_000) == 1


def test_samples_follow_their_label_and_seed():
    gan = model().eval()
    images = gan.sample(3, label=7, seed=5)
    assert images.shape == (3, 1, 16, 16)
    assert not images.requires_grad
    assert torch.equal(images, gan.sample(3, label=[7, 7, 7], seed=5))
    assert not torch.equal(images, gan.sample(3, label=8, seed=5))
    assert not torch.equal(images, gan.sample(3, label=7, seed=6))
    with pytest.raises(ValueError, match="got"):
        gan.sample(3, label=10)


def test_data_without_classes_is_refused():
    with pytest.raises(ValueError, match=r"needs labelled images.*Set data"):
        ACGAN(ImageSpec(1, 16))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_critic": 0}, r"at least 1; got 0\. Set model.init_args.n_critic"),
        ({"g_batch_ratio": 0}, r"at least 1; got 0\. Set model.init_args.g_batch_ratio"),
        ({"class_loss_on": "fake"}, r"real or real_and_fake; got fake\. Set model.init_args.class_loss_on"),
        (
            {"generator_class_weight": -1.0},
            r"^generator_class_weight is 0 or more; got -1\.0\. Set model.init_args.generator_class_weight",
        ),
        (
            {"discriminator_class_weight": -1.0},
            r"^discriminator_class_weight is 0 or more; got -1\.0\. Set model.init_args.disc",
        ),
    ],
)
def test_bad_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        model(**options)
