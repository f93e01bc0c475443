import pytest

from lightning_cgan.runs.compare.table import better
from lightning_cgan.runs.score_info import COLUMNS, SCORES, current_name, score_info, with_current_names


@pytest.mark.parametrize(
    "name", [*SCORES, "psnr_y_gain", "back_views", "bicubic_fid", "real_segmentation_iou", "cycle_error_a", "loss"]
)
def test_the_report_and_a_comparison_call_the_same_direction_better(name):
    assert better(name) == score_info(name).better


@pytest.mark.parametrize("name", ["real_gan_train", "bicubic_psnr", "real_seg_gan_train_iou", "train_distance_real"])
def test_ceilings_and_baselines_are_no_merit_of_a_run(name):
    assert better(name) == ""


LOWER = {"fid", "kid", "intra_fid", "intra_fid_worst", "feature_distance", "cycle_error"}
NEITHER = {  # good near a target only, or said about others
    "is_std", "memorised", "train_distance", "train_distance_real", "gradient_energy", "lab_spread", "azimuth_rmse",
    "spread", "min_mode_std", "max_mode_std",
}  # fmt: skip


@pytest.mark.parametrize("name", [*SCORES, "back_lab_intersection_a"])
def test_scores_keep_their_direction(name):
    assert better(name) == ("lower" if name in LOWER else "" if name in NEITHER else "higher")


def test_the_default_columns_of_a_comparison_are_marked_in_the_table_of_scores():
    assert COLUMNS[:3] == ["fid", "kid", "is_mean"]
    assert {"gan_train", "frac_near_mode", "gate_passed"} - set(COLUMNS) == {"gate_passed"}


@pytest.mark.parametrize(
    ("earlier", "now"),
    [
        ("near", "frac_near_mode"),
        ("val/back_near", "val/back_frac_near_mode"),
        ("cas_real", "real_gan_train"),
        ("real_taught_iou", "real_seg_gan_train_iou"),
        ("test_last/passed", "test_last/gate_passed"),
        ("bicubic_fid", "bicubic_fid"),
        ("train/loss_d", "train/loss_d"),
    ],
)
def test_scores_of_earlier_versions_are_read_by_their_names_of_today(earlier, now):
    assert current_name(earlier) == current_name(now) == now


def test_an_entry_of_an_earlier_version_keeps_its_values_and_order():
    entry = {"scores": {"modes": 8.0, "near": 0.9}, "standard_errors": {"near": None}, "card": {"near": 1}}
    assert with_current_names(entry) == {
        "scores": {"modes": 8.0, "frac_near_mode": 0.9},
        "standard_errors": {"frac_near_mode": None},
        "card": {"near": 1},
    }
    assert list(with_current_names(entry)) == list(entry)
