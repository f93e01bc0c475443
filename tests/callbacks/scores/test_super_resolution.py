import math

import pytest
import torch
from torchvision.io import read_image

from lightning_cgan.callbacks.scores.base import error_of_mean
from lightning_cgan.callbacks.scores.super_resolution import (
    CropGrid,
    SuperResolutionScores,
    most_detailed,
)
from lightning_cgan.metrics.super_resolution import bicubic, image_scores
from lightning_cgan.papers.srresnet import SRResNet
from lightning_cgan.runs.metrics_json import read_results
from tests.super_resolution import Features, SmallImages, small_generator
from tests.translation import trainer


class RandomFeatures(Features):
    name, sha256 = "random", "0" * 64


class Interpolation(SRResNet):
    """Generates what interpolation does, and NaN for the second image where it is told to."""

    def __init__(self, spec, broken=False):
        super().__init__(spec, generator=small_generator)
        self.broken = broken

    def forward(self, low):
        return bicubic(low, 4)

    def test_step(self, batch, batch_idx):
        seen = self.validation_step(batch, batch_idx)
        return seen._replace(fake=seen.fake * math.nan) if self.broken and batch_idx == 1 else seen


@pytest.fixture
def tested(tmp_path):
    """The entry of a test in ``metrics.json``: ``tested(model, ...callbacks)``."""

    def test(model, *callbacks, data=None):
        callbacks = [SuperResolutionScores(RandomFeatures()), *callbacks]
        trainer(tmp_path, callbacks=callbacks).test(model, data or SmallImages(), verbose=False)
        return read_results(tmp_path)["test"]

    return test


def test_scores_are_means_over_the_images_with_their_standard_errors_and_those_of_interpolation(tested):
    torch.manual_seed(0)
    data = SmallImages()
    model = SRResNet(data.spec, generator=small_generator).eval()
    entry = tested(model, data=data)
    a, b = data.domains("test")
    each = []
    for low, real in zip(a.image, b.image, strict=True):
        low, real = (image / 127.5 - 1 for image in (low, real))
        with torch.no_grad():
            each.append(image_scores(model(low[None])[0], real, 4, RandomFeatures())["psnr_y"])
    assert entry["scores"]["psnr_y"] == pytest.approx(sum(each) / 4)
    assert entry["standard_errors"]["psnr_y"] == pytest.approx(torch.tensor(each).std().item() / 2)
    assert [scores["psnr_y"] for scores in entry["images"].values()] == pytest.approx(each)
    assert list(entry["images"]) == ["00000", "00001", "00002", "00003"]
    names = {"psnr_y", "ssim_y", "gradient_energy", "feature_distance"}
    assert set(entry["scores"]) == names | {f"bicubic_{name}" for name in names} | {"psnr_y_gain"}
    gain = entry["scores"]["psnr_y"] - entry["scores"]["bicubic_psnr_y"]
    assert entry["scores"]["psnr_y_gain"] == pytest.approx(gain)
    assert entry["card"]["border"] == 4
    assert entry["card"]["feature_network"] == {"name": "random", "sha256": "0" * 64}


def test_interpolation_gains_nothing_over_itself(tested):
    entry = tested(Interpolation(SmallImages().spec))
    for name in ("psnr_y", "ssim_y", "gradient_energy", "feature_distance"):
        assert entry["scores"][name] == entry["scores"][f"bicubic_{name}"]
    assert entry["scores"]["psnr_y_gain"] == entry["standard_errors"]["psnr_y_gain"] == 0


def test_nan_is_no_score_and_the_image_is_named(tested):
    entry = tested(Interpolation(SmallImages().spec, broken=True))
    assert entry["scores"]["psnr_y"] is None
    assert entry["images"]["00001"]["psnr_y"] is None
    assert entry["images"]["00002"]["psnr_y"] > 10
    assert entry["notes"] == ["NaN or infinity in 00001: no scores"]


def test_images_have_the_names_that_the_data_know(tested):
    data = SmallImages(count=2)
    data.names = lambda split: [f"{split} one", f"{split} two"]
    assert list(tested(Interpolation(data.spec), data=data)["images"]) == ["test one", "test two"]


def test_standard_errors_are_of_the_mean_and_unknown_for_one_image():
    assert error_of_mean(torch.tensor([1.0, 3.0])) == pytest.approx(1)
    assert math.isnan(error_of_mean(torch.tensor([1.0])))


def test_the_picture_has_a_row_for_each_image_with_four_crops(tested, tmp_path):
    tested(Interpolation(SmallImages().spec), CropGrid(rows=3, size=16))
    picture = read_image(str(tmp_path / "samples" / "test.png"))
    enlarged = 16 * 3  # the grid enlarges small images
    assert picture.shape == (3, 3 * (enlarged + 2) + 2, 4 * (enlarged + 2) + 2)


def test_images_smaller_than_the_part_are_shown_whole(tested, tmp_path):
    tested(Interpolation(SmallImages().spec), CropGrid(rows=1, size=48))
    assert read_image(str(tmp_path / "samples" / "test.png")).shape == (3, 52, 202)


def test_the_part_with_most_detail_is_shown():
    image = torch.zeros(3, 64, 80)
    image[:, 40:52, 52:66] = torch.rand(3, 12, 14)
    top, left = most_detailed(image, 16, 4)
    assert top % 4 == left % 4 == 0
    assert 36 <= top <= 40
    assert 48 <= left <= 52
