import pytest
import torch
from torch.nn.functional import mse_loss

from lightning_cgan.batches import Paired, PairSpec, SourceImages
from lightning_cgan.papers.srresnet import SRResNet
from tests.super_resolution import Features, small_generator

STOPS = "tests.test_resume.StopsAt"
SPEC = PairSpec(3, 3, 32, 4)
TINY = [
    "--config=experiments/srresnet/photos_paper.yaml",
    "--model.init_args.generator.init_args.width=4",
    "--model.init_args.generator.init_args.blocks=1",
    "--data.init_args.size=32",
    "--data.init_args.batch_size=2",
    "--trainer.callbacks=[]",
    "--trainer.max_steps=4",
    "--trainer.limit_val_batches=0",
    "--trainer.precision=32-true",
]


def model(**options):
    torch.manual_seed(0)
    return SRResNet(SPEC, generator=small_generator, **options)


def pairs(count=2):
    draw = torch.Generator().manual_seed(1)
    return Paired(torch.rand(1, count, 3, 8, 8, generator=draw), torch.rand(1, count, 3, 32, 32, generator=draw))


def losses(resnet, monkeypatch):
    """The loss of ``resnet`` on a fixed batch, of which no step is taken."""
    monkeypatch.setattr("lightning_cgan.papers.srresnet.optimizer_step", lambda *_, count: None)
    monkeypatch.setattr(type(resnet), "optimizer_list", lambda self: [None])
    return [*resnet.update(pairs()).values()]


def test_it_comes_near_the_image_in_pixels(monkeypatch):
    resnet = model()
    (loss,) = losses(resnet, monkeypatch)
    (low,), (high,) = pairs()
    assert torch.allclose(loss, mse_loss(resnet.generator(low), high))


def test_with_features_their_distance_is_the_loss_and_neither_optimizer_nor_checkpoint_holds_them(monkeypatch):
    resnet = model(features=Features, rescaling=0.5)
    resnet.build_frozen()
    (loss,) = losses(resnet, monkeypatch)
    (low,), (high,) = pairs()
    (features,) = resnet.frozen
    taps = zip(features(resnet.generator(low)), features(high), strict=True)
    assert torch.allclose(loss, sum((one - other).square().sum(1).mean() for one, other in taps) / 4)
    assert not any(parameter.requires_grad for parameter in features.parameters())
    assert all(name.startswith("generator.") for name in resnet.state_dict())


def test_the_defaults_are_the_papers():
    with torch.device("meta"):
        resnet = SRResNet(PairSpec(3, 3, 96, 4))
    settings = resnet.optimizer_factories["generator"]([torch.nn.Parameter(torch.zeros(1))]).defaults
    assert (settings["lr"], settings["betas"]) == (1e-4, (0.9, 0.999))
    assert sum(parameter.numel() for parameter in resnet.parameters()) == 1_549_462
    assert resnet.schedule(999_999, 1_000_000) == 1
    assert resnet.pixel_loss is mse_loss


def test_an_evaluation_pairs_the_image_with_what_became_of_its_low_resolution():
    resnet = model().eval()
    (low,), (high,) = pairs()
    seen = resnet.validation_step(Paired(low, 9 * high), 0)
    assert torch.equal(seen.real, 9 * high)
    assert torch.equal(seen.source, low)
    assert torch.equal(seen.fake, resnet.generator(low).clamp(-1, 1))
    predicted = resnet.predict_step(SourceImages(low, ["a", "b"]), 0)
    assert torch.equal(predicted.fake, seen.fake)
    assert predicted.real.shape == (0, 3, 32, 32)


def test_an_empty_batch_is_evaluated_too():
    seen = model().eval().validation_step(Paired(torch.zeros(0, 3, 8, 8), torch.zeros(0, 3, 32, 32)), 0)
    assert seen.fake.shape == seen.real.shape == (0, 3, 32, 32)


def test_data_of_one_size_is_refused():
    with pytest.raises(ValueError, match=r"the scale is 2, 4, 8, ...; got 1. Set data.init_args.scale, or data"):
        SRResNet(PairSpec(3, 3, 96))


def test_features_that_are_not_there_are_refused_before_the_first_update():
    def missing():
        raise ValueError("no such weights")

    with pytest.raises(ValueError, match="no such weights"):
        model(features=missing).build_frozen()
