import pytest
import torch
from torch.nn.functional import mse_loss, softplus

from lightning_cgan.batches import PairSpec
from lightning_cgan.papers.srgan import SRGAN
from lightning_cgan.papers.srresnet import SRResNet
from tests.conftest import same
from tests.super_resolution import (
    Features,
    SmallImages,
    small_discriminator,
    small_generator,
    weights,
)
from tests.translation import trainer

STOPS = "tests.test_resume.StopsAt"
SPEC = PairSpec(3, 3, 32, 4)


def model(init_checkpoint=None, **options):
    torch.manual_seed(0)
    return SRGAN(SPEC, init_checkpoint, generator=small_generator, discriminator=small_discriminator, **options)


@pytest.fixture
def trained(tmp_path):
    """The path of a checkpoint of SRResNet, and the weights in it."""
    torch.manual_seed(7)
    resnet = SRResNet(SPEC, generator=small_generator)
    run = trainer(tmp_path, max_steps=1)
    run.fit(resnet, SmallImages())
    run.save_checkpoint(tmp_path / "resnet.ckpt")
    return str(tmp_path / "resnet.ckpt"), weights(resnet.generator)


def images(count=3):
    draw = torch.Generator().manual_seed(1)
    return torch.rand(count, 3, 8, 8, generator=draw), torch.rand(count, 3, 32, 32, generator=draw)


def test_the_discriminator_tells_true_from_generated_images_in_calls_of_their_own():
    gan, (low, high) = model(), images()
    loss, (real, fake) = gan.discriminator_loss(low, high)
    assert torch.equal(real, gan.discriminator(high))
    assert torch.equal(fake, gan.discriminator(gan.generator(low)))
    assert torch.allclose(loss, softplus(-real).mean() + softplus(fake).mean())
    loss.backward()
    assert all(parameter.grad is None for parameter in gan.generator.parameters())


@pytest.mark.parametrize(("features", "pixel_weight"), [(None, 0.0), (Features, 0.0), (Features, 0.5)])
def test_the_generator_has_a_content_loss_and_an_adversarial_loss(features, pixel_weight):
    gan, (low, high) = model(features=features, pixel_weight=pixel_weight), images()
    gan.build_frozen()
    content, adversarial = gan.perceptual_loss(low, high)
    fake = gan.generator(low)
    assert torch.allclose(adversarial, softplus(-gan.discriminator(fake)).mean())
    if features is None:
        wanted = mse_loss(fake, high)
    else:
        taps = zip(Features()(fake), Features()(high), strict=True)
        wanted = sum((one - other).square().sum(1).mean() for one, other in taps) / 12.75**2
        wanted += pixel_weight * mse_loss(fake, high)
    assert torch.allclose(content, wanted)


def test_it_starts_from_the_generator_of_an_srresnet(trained):
    path, generator = trained
    gan = model(path)
    gan.trainer = trainer(None)
    before = weights(gan.discriminator)
    gan.check(gan.trainer)
    assert not same(weights(gan.generator), generator)
    gan.on_fit_start()
    assert same(weights(gan.generator), generator)
    assert same(weights(gan.discriminator), before)


def test_a_run_that_goes_on_keeps_its_own_weights(trained):
    gan = model(trained[0])
    gan.trainer = trainer(None)
    gan.trainer.ckpt_path = "last.ckpt"
    before = weights(gan.generator)
    gan.check(gan.trainer)
    gan.on_fit_start()
    assert same(weights(gan.generator), before)


def test_a_checkpoint_that_is_missing_or_of_another_generator_is_refused_before_the_first_update(trained, tmp_path):
    gan = model(str(tmp_path / "none.ckpt"))
    gan.trainer = trainer(None)
    with pytest.raises(
        ValueError, match=r"there is no .*none.ckpt. Train that one first, or set model.init_args.init_checkpoint"
    ):
        gan.check(gan.trainer)
    torch.save({"state_dict": {"generator.other": torch.zeros(1)}}, tmp_path / "other.ckpt")
    gan.init_checkpoint = str(tmp_path / "other.ckpt")
    with pytest.raises(
        ValueError, match=r"differ in first.0.weight. Set model.init_args.init_checkpoint, or the networks"
    ):
        gan.check(gan.trainer)


def test_the_defaults_are_the_papers():
    with torch.device("meta"):
        gan = SRGAN(PairSpec(3, 3, 96, 4), None)
    for optimizer in gan.optimizer_factories.values():
        settings = optimizer([torch.nn.Parameter(torch.zeros(1))]).defaults
        assert (settings["lr"], settings["betas"]) == (1e-4, (0.9, 0.999))
    assert sum(parameter.numel() for parameter in gan.discriminator.parameters()) == 23_565_505
    assert [gan.schedule(update, 200_000) for update in (99_999, 100_000)] == [1, 0.1]
    assert gan.adversarial_weight == 1e-3
