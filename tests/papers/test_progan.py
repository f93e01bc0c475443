import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, interpolate

from lightning_cgan.batches import EvalBatch, ImageSpec, LatentBatch
from lightning_cgan.networks import progan
from lightning_cgan.papers.progan import ProGAN, at_stage
from lightning_cgan.schedules.progressive_growing import Stage
from tests.conftest import same

SPEC = ImageSpec(channels=1, size=16, num_classes=10)
TINY = {"fmap_base": 32, "fmap_max": 4}


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def model(spec=SPEC, **options):
    networks = {
        "generator": lambda s: progan.Generator(s, **TINY, latent_dim=8),
        "discriminator": lambda s: progan.Discriminator(s, **TINY),
    }
    return ProGAN(spec, **{**networks, **options})


def images(count, size=16):
    return torch.rand(count, 1, size, size) * 2 - 1


def trial(labels):
    return EvalBatch(torch.zeros(0, 1, 16, 16), labels[:0], LatentBatch(labels, torch.arange(len(labels))))


class Linear(nn.Module):
    """A critic whose score is ``slope`` times the sum of the pixels, and whose class logits are those it is given."""

    def __init__(self, slope, logits=None):
        super().__init__()
        self.slope, self.logits = nn.Parameter(torch.tensor(slope)), logits

    def forward(self, image, alpha):
        logits = torch.zeros(len(image), 0) if self.logits is None else self.logits[: len(image)]
        return self.slope * image.sum((1, 2, 3)), logits


@pytest.mark.parametrize("target", [1.0, 750.0])
def test_the_discriminators_loss_is_the_published_sum(target):
    gan = model(discriminator=lambda s: Linear(0.5), gamma=target)
    real, fake, label = images(4, 4), images(4, 4), torch.zeros(4, dtype=torch.int64)
    r, f = 0.5 * real.sum((1, 2, 3)), 0.5 * fake.sum((1, 2, 3))
    norm = 0.5 * 4  # of 16 equal slopes
    expected = f.mean() - r.mean() + 10 * (norm - target) ** 2 / target**2 + 0.001 * (r**2).mean()
    assert gan.discriminator_loss(real, label, fake, label, 1.0)[0].item() == pytest.approx(expected.item(), abs=1e-5)
    assert gan.generator_loss(fake, label, 1.0).item() == pytest.approx(-f.mean().item(), abs=1e-6)


def test_class_losses_have_weight_one_on_real_and_generated_images():
    logits = torch.randn(4, 10)
    gan = model(discriminator=lambda s: Linear(0.0, logits), conditional=True)
    label, asked = torch.tensor([1, 2, 3, 4]), torch.tensor([5, 6, 7, 8])
    of_discriminator, _ = gan.discriminator_loss(images(4, 4), label, images(4, 4), asked, 1.0)
    expected = cross_entropy(logits, label) + cross_entropy(logits, asked)
    assert of_discriminator.item() - 10 == pytest.approx(expected.item(), abs=1e-4)  # a flat critic's penalty is 10
    of_generator = gan.generator_loss(images(4, 4), asked, 1.0)
    assert of_generator.item() == pytest.approx(cross_entropy(logits, asked).item(), abs=1e-6)


def test_losses_and_penalty_are_in_full_precision_under_mixed_precision():
    gan = model()
    label = torch.zeros(4, dtype=torch.int64)
    with torch.autocast("cpu", torch.bfloat16):
        fake, _ = gan.fakes_at(4, Stage(16, 0.5))
        loss, _ = gan.discriminator_loss(images(4), label, fake, label, 0.5)
    assert (fake.dtype, loss.dtype) == (torch.float32, torch.float32)


def test_reals_are_averaged_down_and_in_a_fade_as_smooth_as_the_generated_ones():
    image = images(2)
    smooth = at_stage(image, Stage(8, 0.0))
    assert torch.equal(at_stage(image, Stage(16, 1.0)), image)
    means = image.unflatten(2, (4, 4)).unflatten(4, (4, 4)).mean((3, 5))
    assert torch.allclose(at_stage(image, Stage(4, 1.0)), means, atol=1e-6)
    assert torch.allclose(smooth, interpolate(at_stage(image, Stage(4, 1.0)), scale_factor=2), atol=1e-6)
    middle = (smooth + at_stage(image, Stage(8, 1.0))) / 2
    assert torch.allclose(at_stage(image, Stage(8, 0.5)), middle, atol=1e-6)


def test_the_defaults_are_the_papers():
    gan = ProGAN(ImageSpec(3, 8))
    for optimizer in gan.optimizer_factories.values():
        settings = optimizer([nn.Parameter(torch.zeros(1))]).defaults
        assert (settings["lr"], settings["betas"], settings["eps"]) == (1e-3, (0.0, 0.99), 1e-8)
    assert (gan.growth.stable, gan.growth.fade, gan.batch_size_at(0)) == (800_000, 800_000, 16)
    assert (gan.gp_weight, gan.gamma, gan.drift_weight, gan.class_weight) == (10, 1, 1e-3, 1)
    assert [gan.schedule(update, 0) for update in (2_500, 10**6)] == [1, 1]
    assert gan.schedule(2_499, 0) < 1
    assert gan.spec.num_classes == 0


@pytest.mark.parametrize(("conditional", "label"), [(False, None), (True, [3, 1, 4])])
def test_an_evaluation_says_what_was_asked_for(conditional, label):
    evaluated = model(conditional=conditional).validation_step(trial(torch.tensor([3, 1, 4])), 0)
    assert (evaluated.fake_label if label is None else evaluated.fake_label.tolist()) == label
    assert evaluated.fake.shape == (3, 1, 16, 16)


def test_without_conditions_labels_change_nothing_and_with_them_they_do():
    for conditional in (False, True):
        gan = model(conditional=conditional)
        a, b = (gan.validation_step(trial(torch.full((3,), digit)), 0).fake for digit in (2, 7))
        assert torch.equal(a, b) is not conditional


def test_images_are_drawn_from_the_average():
    gan = model()
    before = gan.sample(2, seed=3)
    nn.init.ones_(gan.generator.to_image[0].bias)
    assert torch.equal(gan.sample(2, seed=3), before)
    nn.init.ones_(gan.ema.module.to_image[0].bias)
    assert not torch.equal(gan.sample(2, seed=3), before)
    assert not torch.equal(gan.sample(2, seed=4), gan.sample(2, seed=3))


def test_images_have_the_full_size_and_end_at_one_whatever_is_trained():
    gan = model(stable_kimg=1, fade_kimg=1, batch_sizes={4: 1000})
    nn.init.constant_(gan.ema.module.to_image[0].bias, 0.9)
    small = gan.ema(torch.ones(2, 8), None, 4)
    assert torch.equal(gan(torch.ones(2, 8)), interpolate(small.clamp(-1, 1), scale_factor=4))
    gan.trained.fill_(99)
    full = gan.ema(torch.ones(2, 8), None, 16)
    assert torch.equal(gan(torch.ones(2, 8)), full.clamp(-1, 1))


def test_samples_follow_their_label():
    gan = model(conditional=True)
    assert torch.equal(gan.sample(2, label=7), gan.sample(2, label=[7, 7]))
    assert not torch.equal(gan.sample(2, label=7), gan.sample(2, label=8))
    with pytest.raises(ValueError, match="got"):
        gan.sample(2, label=10)


def test_conditions_without_classes_are_refused():
    with pytest.raises(ValueError, match=r"conditional ProGAN needs labelled images.*Set data"):
        model(ImageSpec(1, 16), conditional=True)


@pytest.mark.parametrize("size", [2, 12])
def test_images_that_doubling_does_not_reach_are_refused(size):
    with pytest.raises(ValueError, match=rf"power of two; this data set has images of {size}. Set data"):
        model(ImageSpec(1, size))


def test_a_target_without_length_is_refused():
    with pytest.raises(ValueError, match=r"above 0; got 0. Set model.init_args.gamma"):
        model(gamma=0)


def test_a_start_at_the_full_resolution_does_not_grow():
    gan = model(start_resolution=16)
    assert gan.growth.stage(0) == (16, 1)
    assert not same(gan.sample(1), interpolate(gan.sample(1)[..., ::2, ::2], scale_factor=2))
