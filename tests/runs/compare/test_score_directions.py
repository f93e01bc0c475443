import pytest

from lightning_cgan.runs.compare.table import better
from lightning_cgan.runs.score_info import MEANINGS, meaning


@pytest.mark.parametrize(
    "name", [*MEANINGS, "psnr_y_gain", "back_views", "bicubic_fid", "real_segmentation_iou", "cycle_error_a", "loss"]
)
def test_the_report_and_a_comparison_call_the_same_direction_better(name):
    assert better(name) == meaning(name).better


@pytest.mark.parametrize("name", ["cas_real", "bicubic_psnr", "real_taught_accuracy", "train_distance_real"])
def test_ceilings_and_baselines_are_no_merit_of_a_run(name):
    assert better(name) == ""


@pytest.mark.parametrize(("name", "way"), [("fid", "lower"), ("cas", "higher"), ("back_lab_intersection_a", "higher")])
def test_scores_keep_their_direction(name, way):
    assert better(name) == way
