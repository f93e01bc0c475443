import pytest
import torch

from datamodules.embedded.gaussians import ring, sample
from lightning_cgan.metrics.modes import located, mode_scores, passes

MIXTURE = ring(8, 1.0, 0.05)


def test_the_mixture_itself_passes():
    point, label = sample(MIXTURE, 5_000, "test")
    scores = mode_scores(point, MIXTURE, label)
    assert scores["modes"] == 8
    assert scores["frac_near_mode"] == pytest.approx(0.989, abs=0.005)  # 1 - exp(-9/2)
    assert scores["spread"] == pytest.approx(0.97, abs=0.03)
    assert scores["label_fidelity"] == scores["frac_near_mode"]
    assert scores["gate_passed"] == 1


def test_shuffled_labels_fail_though_every_mode_is_covered():
    point, label = sample(MIXTURE, 5_000, "test")
    scores = mode_scores(point, MIXTURE, label.roll(1))
    assert (scores["modes"], scores["label_fidelity"], scores["gate_passed"]) == (8, 0, 0)
    assert mode_scores(point, MIXTURE)["gate_passed"] == 1


def test_a_lost_mode_points_between_modes_and_wrong_spreads_fail():
    point, label = sample(MIXTURE, 5_000, "test")
    lost = mode_scores(point[label != 3], MIXTURE)
    assert (lost["modes"], lost["gate_passed"]) == (7, 0)
    between = mode_scores(torch.cat([point, point[:500] * 0.5]), MIXTURE)
    assert between["frac_near_mode"] < 0.95
    assert between["gate_passed"] == 0
    collapsed = mode_scores(MIXTURE.centre[label], MIXTURE)
    assert (collapsed["spread"], collapsed["gate_passed"]) == (0, 0)
    three = torch.where((label < 3)[:, None], MIXTURE.centre[label], point)
    assert mode_scores(three, MIXTURE)["spread"] > 0.5
    assert mode_scores(three, MIXTURE)["gate_passed"] == 0


def test_points_nowhere_near_a_mode_have_scores_too():
    scores = mode_scores(torch.full((100, 2), 9.0), MIXTURE)
    assert scores == dict.fromkeys(
        ("modes", "frac_near_mode", "spread", "min_mode_std", "max_mode_std", "gate_passed"), 0
    )


def test_points_are_read_as_they_are():
    point = torch.randn(5, 2)
    assert torch.equal(located(point[:, :, None, None], 1.5), point)


def test_the_gate_asks_for_all_of_it():
    good = {"modes": 8, "frac_near_mode": 0.95, "min_mode_std": 0.5, "max_mode_std": 1.5, "label_fidelity": 0.98}
    assert passes(good, 8)
    for name, value in [
        ("modes", 7),
        ("frac_near_mode", 0.949),
        ("min_mode_std", 0.49),
        ("max_mode_std", 1.51),
        ("label_fidelity", 0.979),
    ]:
        assert not passes({**good, name: value}, 8)
