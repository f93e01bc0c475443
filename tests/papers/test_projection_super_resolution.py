import pytest
import torch
from lightning.pytorch import Trainer

from lightning_cgan import load
from lightning_cgan.batches import EvalBatch, ImageSpec, LatentBatch
from lightning_cgan.networks import projection_super_resolution as networks
from lightning_cgan.papers.projection_super_resolution import ProjectionSuperResolution

CONFIG = "experiments/projection/digits_super_resolution.yaml"
SPEC = ImageSpec(1, 16, 10)


def model(scale=4, **options):
    torch.manual_seed(0)
    return ProjectionSuperResolution(
        SPEC,
        generator=lambda s: networks.Generator(s, 4, 4, noise=2),
        discriminator=lambda s: networks.Discriminator(s, 4, scale),
        **options,
    )


def weights(network):
    return {name: parameter.detach().clone() for name, parameter in network.named_parameters()}


def test_real_and_generated_images_are_judged_with_the_low_resolution_of_the_real_one(monkeypatch):
    gan, told = model(), []
    monkeypatch.setattr(gan.discriminator, "forward", lambda image, low: told.append(low) or image.mean((1, 2, 3)))
    real = torch.rand(3, 1, 16, 16)
    low = networks.reduced(real, 4)
    gan.discriminator_loss(real, low)
    gan.generator_loss(low)
    assert torch.equal(told[0], torch.cat([low, low]))
    assert torch.equal(told[1], low)


def test_the_defaults_are_the_papers():
    gan = ProjectionSuperResolution(ImageSpec(3, 32, 10))
    settings = gan.optimizer_factories["generator"]([torch.nn.Parameter(torch.zeros(1))]).defaults
    assert (settings["lr"], settings["betas"]) == (2e-4, (0.0, 0.9))
    assert (gan.n_critic, gan.scale) == (5, 4)
    gan.trainer = Trainer(max_steps=100_000, logger=False, barebones=True)
    assert [gan.schedule(update, 100_000) for update in (0, 50_000, 75_000, 100_000)] == [1, 1, 0.5, 0]


def test_an_evaluation_pairs_each_real_image_with_one_generated_from_it():
    gan = model().eval()
    gan.trainer = Trainer(logger=False, barebones=True)
    real = torch.rand(5, 1, 16, 16)
    trial = EvalBatch(real, torch.arange(5), LatentBatch(torch.arange(2), torch.arange(2)))
    seen, again = gan.validation_step(trial, 3), gan.validation_step(trial, 4)
    assert seen.fake.shape == seen.real.shape == seen.source.shape
    assert torch.equal(seen.fake, again.fake)
    assert torch.equal(seen.source[..., ::4, ::4], networks.reduced(real, 4))
    assert seen.fake_label.tolist() == [0, 1, 2, 3, 4]


def test_unlabelled_images_serve_as_well():
    gan = ProjectionSuperResolution(
        ImageSpec(1, 16), lambda s: networks.Generator(s, 4), lambda s: networks.Discriminator(s, 4)
    )
    gan.trainer = Trainer(logger=False, barebones=True)
    trial = EvalBatch(
        torch.rand(2, 1, 16, 16), torch.zeros(2, dtype=torch.int64), LatentBatch(*torch.zeros(2, 0).long())
    )
    assert gan.eval().validation_step(trial, 0).fake_label is None


def test_enlarging_follows_the_seed():
    gan = model().eval()
    low = torch.rand(2, 1, 4, 4)
    image = gan.enlarge(low, seed=1)
    assert image.shape == (2, 1, 16, 16)
    assert torch.equal(image, gan.enlarge(low, seed=1))
    assert not torch.equal(image, gan.enlarge(low, seed=2))


def test_it_is_tested_against_interpolation_and_predict_says_what_to_do_instead(run, scores, tmp_path, capsys):
    assert run("fit", steps=2, every=2, config=CONFIG) == 0
    assert run("test", config=CONFIG) == 0
    measured = scores()["test"]["scores"]
    for name in ("psnr", "ssim", "fid", "accuracy"):
        assert measured[f"bicubic_{name}"] is not None
        assert measured[name] is not None
    assert measured["bicubic_psnr"] > measured["psnr"] > 0
    assert scores()["test"]["card"]["fakes"] == scores()["test"]["card"]["reals"] == 500
    assert (tmp_path / "run" / "samples" / "test.png").is_file()
    assert load(tmp_path / "run" / "last.ckpt").enlarge(torch.zeros(1, 1, 4, 4)).shape == (1, 1, 16, 16)
    assert run("predict", config=CONFIG) == 2
    assert "Super-resolution starts from images; got noise only" in capsys.readouterr().err
    assert run("predict", "--data.init_args.predict_morphs=[[1,2]]", config=CONFIG) == 2
    assert "got ProjectionSuperResolution. Leave out data.init_args.predict_morphs" in capsys.readouterr().err


def test_networks_of_two_scales_are_refused():
    with pytest.raises(ValueError, match=r"one scale; got 4 and 2. Set model.init_args.generator"):
        model(scale=2)


def test_critic_updates_below_one_are_refused():
    with pytest.raises(ValueError, match="n_critic is at least 1; got 0"):
        model(n_critic=0)
