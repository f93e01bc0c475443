import math

import pytest
import torch

from datamodules.embedded.poses import Poses, views_of
from datamodules.render.cars_and_chairs import Family
from lightning_cgan.batches import EvalOutput, Labelled, Unpaired, to_signed
from lightning_cgan.callbacks.scores.poses import AzimuthError, ViewScores
from lightning_cgan.extractors.poses import PoseNetwork, PoseRegressor, PoseTraining
from tests.translation import Negative, trainer


class FewPoses(Poses):
    """The views of two cars, and of two others."""

    def load(self, split):
        a, b = (views_of(Family.cars, split, objects, 32) for objects in (range(2), range(2, 4)))
        return a, b


class Keeps(Negative):
    """Translates every picture to itself; the way back mirrors it."""

    training_batch = Unpaired

    def validation_step(self, batch, batch_idx):
        back = EvalOutput(batch.a, batch.b.flip(-1), source=batch.b)
        return EvalOutput(batch.b, self.made(batch.a), source=batch.a, reverse=back)

    def made(self, a):
        return a

    test_step = validation_step


class Breaks(Keeps):
    def made(self, a):
        return a.where(torch.arange(len(a)).view(-1, 1, 1, 1) > 0, math.nan)


def score(module, tmp_path):
    data = FewPoses(evaluation_batch_size=5, objects=2)
    trainer(tmp_path, callbacks=[ViewScores()]).test(module, data, verbose=False)


def test_both_directions_are_scored_by_the_views_before_and_after(tmp_path, scores):
    score(Keeps(), tmp_path / "run")
    entry = scores()["test"]
    assert (entry["scores"]["views"], entry["scores"]["back_views"]) == (11, 11)
    assert entry["scores"]["view_bits"] == pytest.approx(math.log2(11), abs=0.1)
    assert entry["scores"]["azimuth_rmse"] == pytest.approx(0, abs=1e-3)
    assert entry["scores"]["back_azimuth_rmse"] < 12  # mirrored, with the light from the other side
    assert entry["standard_errors"].keys() == entry["scores"].keys()
    assert (entry["card"]["fakes"], entry["card"]["regressor"]["name"]) == (22, "pose-regressor")
    assert len(entry["card"]["regressor"]["sha256"]) == 64


def test_pictures_that_are_no_numbers_are_left_out_and_told(tmp_path, scores):
    score(Breaks(), tmp_path / "run")
    entry = scores()["test"]
    assert entry["notes"] == ["5 of 22 generated images hold NaN or infinity."]
    assert entry["scores"]["azimuth_rmse"] == pytest.approx(0, abs=1e-3)


def test_the_error_of_a_regressor_is_in_degrees(tmp_path, scores):
    class Off(PoseTraining):
        def __init__(self):
            super().__init__(None, width=2)

        def test_step(self, batch, batch_idx):
            truth = torch.zeros(len(batch.b))
            return EvalOutput(
                batch.b, batch.b[:0], target=truth, prediction=truth + torch.tensor([3.0, -3.0]).repeat(11)
            )

    measured = trainer(tmp_path / "run", callbacks=[AzimuthError()])
    measured.test(Off(), FewPoses(evaluation_batch_size=22, objects=2), verbose=False)
    assert scores()["test"]["scores"]["azimuth_rmse"] == pytest.approx(3)


def test_a_regressor_takes_every_size_channels_and_no_picture_at_all():
    network = PoseNetwork(width=2).eval()
    grey = torch.rand(3, 1, 64, 64)
    assert torch.allclose(network(grey), network(grey.expand(-1, 3, -1, -1)), atol=1e-4)
    assert network(grey[:0]).shape == (0,)


def test_the_shipped_regressor_is_small_frozen_and_in_full_precision():
    from importlib.resources import files

    regressor = PoseRegressor()
    assert (files("lightning_cgan.extractors") / "weights" / "poses.safetensors").stat().st_size < 2_000_000
    assert not any(parameter.requires_grad for parameter in regressor.parameters())
    image = to_signed(views_of(Family.chairs, "val", range(1), 32).image)
    expected = regressor(image)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(regressor(image), expected)


def test_a_regressor_learns_the_azimuth(tmp_path):
    torch.manual_seed(0)
    views = views_of(Family.cars, "train", range(4), 32)
    module = PoseTraining(None, width=4)
    batch = Labelled(to_signed(views.image)[None], views.label[None])
    fitting = trainer(tmp_path, max_steps=40)
    fitting.fit(module, torch.utils.data.DataLoader([batch] * 40, batch_size=None))
    error = module.network.train()(batch.image[0]) - (views.label - 90)
    assert error.square().mean().sqrt() < 25
