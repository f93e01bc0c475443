import math

import pytest
import torch

from lightning_cgan.metrics.views import azimuth_rmse, mutual_information, view_errors, view_of, view_scores

ELEVEN = torch.arange(-75.0, 76.0, 15.0).repeat(40)


def test_views_are_the_nearest_of_eleven():
    azimuth = torch.tensor([-120.0, -75.0, -67.4, -7.4, 0.0, 7.6, 75.0, 89.0])
    assert view_of(azimuth).tolist() == [0, 0, 1, 5, 5, 6, 10, 10]


@pytest.mark.parametrize("sign", [1, -1])
def test_a_kept_relation_may_be_mirrored_and_offset(sign):
    scores = view_scores(ELEVEN, sign * ELEVEN + 3)
    assert scores["views"] == 11
    assert scores["view_bits"] == pytest.approx(math.log2(11))
    assert scores["azimuth_rmse"] == pytest.approx(0, abs=1e-6)


def test_a_collapse_has_one_view_and_no_information():
    scores = view_scores(ELEVEN, torch.full_like(ELEVEN, 30.0))
    assert (scores["views"], scores["view_bits"]) == (1, 0)
    assert scores["azimuth_rmse"] == pytest.approx(15 * 10**0.5)


def test_a_scrambled_relation_is_told_from_a_collapse_by_views_and_bits_and_not_by_the_error():
    order = torch.tensor([3, 8, 0, 10, 5, 2, 9, 1, 6, 4, 7])
    scores = view_scores(ELEVEN, ELEVEN[:11][order].repeat(40))
    assert (scores["views"], scores["view_bits"]) == (11, pytest.approx(math.log2(11)))
    assert scores["azimuth_rmse"] > 40


def test_the_view_after_is_that_of_most_pictures():
    fake = ELEVEN.clone()
    fake[:11] = 0
    scores = view_scores(ELEVEN, fake)
    assert scores["views"] == 11
    assert 3 < scores["view_bits"] < math.log2(11)


def test_mutual_information_of_known_tables():
    assert mutual_information(torch.tensor([[5, 0], [0, 5]])) == pytest.approx(1)
    assert mutual_information(torch.tensor([[2, 4], [3, 6]])) == pytest.approx(0, abs=1e-12)
    assert mutual_information(torch.tensor([[3, 1], [1, 3]])) == pytest.approx(1 + 0.75 * math.log2(0.75) - 0.5)
    assert math.isnan(mutual_information(torch.zeros(2, 2)))


def test_the_error_is_that_of_the_best_straight_line():
    source = torch.randn(2_000, dtype=torch.float64) * 30
    noise = torch.randn(2_000, dtype=torch.float64) * 4
    assert azimuth_rmse(source, 20 - source + noise) == pytest.approx(4, rel=0.1)
    assert math.isnan(azimuth_rmse(source[:0], source[:0]))


def test_errors_are_small_where_there_are_many_pictures_and_missing_where_few():
    noisy = ELEVEN + 6 * torch.randn(len(ELEVEN), generator=torch.Generator().manual_seed(0))
    errors = view_errors(ELEVEN, noisy)
    assert errors.keys() == view_scores(ELEVEN, noisy).keys()
    assert 0 < errors["view_bits"] < 0.2
    assert 0 < errors["azimuth_rmse"] < 1
    assert view_errors(ELEVEN[:11], noisy[:11]) == {}
