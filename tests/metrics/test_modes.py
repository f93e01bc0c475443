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


def test_a_spot_off_the_diagonal_is_found_where_it_is():
    """Columns are x and rows are y, both rising from -extent to extent; a background below -0.8 does not count."""
    image = torch.full((1, 1, 11, 11), -0.85)
    image[0, 0, 2, 9] = 0.5
    assert located(image, 1.5)[0].tolist() == pytest.approx([1.5 * (9 - 5) / 5, 1.5 * (2 - 5) / 5])
    image[0, 0, 2, 1] = 0.5 - 0.65  # half the light above -0.8
    assert located(image, 1.5)[0].tolist() == pytest.approx([1.5 * ((9 * 2 + 1) / 3 - 5) / 5, 1.5 * (2 - 5) / 5])


def test_near_is_within_three_standard_deviations_and_a_mode_counts_with_a_quarter_of_its_share():
    std, count = MIXTURE.std, 320  # a share of 40 points
    step = torch.tensor([1.0, 0.0])
    for distance, near in ((2.99, 1), (3.01, 0)):
        point = MIXTURE.centre[torch.arange(count) % 8] + distance * std * step
        assert mode_scores(point, MIXTURE)["frac_near_mode"] == near
    for rare, modes in ((10, 8), (9, 7)):
        label = torch.cat([torch.full((rare,), 5), torch.tensor([0, 1, 2, 3, 4, 6, 7]).repeat(50)])[:count]
        assert mode_scores(MIXTURE.centre[label], MIXTURE)["modes"] == modes


def test_spreads_are_in_units_of_the_mixtures_and_of_each_mode():
    corner = torch.tensor([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]]).double()
    scale = torch.tensor([0.5, 1.0, 1.5, 1.0, 1.0, 1.0, 1.0, 1.0]).double()
    point = MIXTURE.centre.double()[:, None] + MIXTURE.std * scale[:, None, None] * corner
    found, unbiased = mode_scores(point.flatten(0, 1), MIXTURE), (4 / 3) ** 0.5
    assert found["min_mode_std"] == pytest.approx(0.5 * unbiased)
    assert found["max_mode_std"] == pytest.approx(1.5 * unbiased)
    assert found["spread"] == pytest.approx(unbiased)
    far = torch.tensor([[3.0, 0.0]]).double()
    with_far = mode_scores(torch.cat([point.flatten(0, 1), far]), MIXTURE)
    assert [with_far[name] for name in ("spread", "max_mode_std")] == [
        found[name] for name in ("spread", "max_mode_std")
    ]
