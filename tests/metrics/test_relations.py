import math

import pytest
import torch

from datamodules.embedded.gaussians import ring, sample
from lightning_cgan.metrics.modes import relation_errors, relation_scores

START, END = ring(5, 0.5, 0.03, (-2.0, -2.0)), ring(10, 2.0, 0.1, (2.0, 2.0))
SOURCE, MODE = sample(START, 1_000, "test")


def went(ends):
    """Points of the second mixture: those of mode k are of its mode ``ends[k]``."""
    noise = torch.randn(len(SOURCE), 2, generator=torch.Generator().manual_seed(0))
    return END.centre[torch.tensor(ends)[MODE]] + END.std * noise


@pytest.mark.parametrize(("ends", "distinct"), [([0, 2, 4, 6, 8], 5), ([0, 0, 4, 6, 8], 4), ([3] * 5, 1)])
def test_distinct_modes_are_those_that_modes_go_to(ends, distinct):
    scores = relation_scores(SOURCE, went(ends), (START, END))
    assert scores["distinct_modes"] == distinct
    assert scores["frac_near_mode"] == pytest.approx(1 - math.exp(-4.5), abs=0.01)


def test_a_mode_goes_where_most_of_its_points_go():
    fake = went([0, 2, 4, 6, 8])
    fake[:300] = END.centre[9]  # 60 of the 200 points of each
    assert relation_scores(SOURCE, fake, (START, END))["distinct_modes"] == 5


def test_points_between_modes_are_near_none():
    scores = relation_scores(SOURCE, torch.full_like(SOURCE, 2.0), (START, END))
    assert (scores["distinct_modes"], scores["frac_near_mode"]) == (1, 0)
    broken = relation_scores(SOURCE, torch.full_like(SOURCE, math.nan), (START, END))
    assert broken["frac_near_mode"] == 0


def test_errors_are_those_of_leaving_points_out():
    errors = relation_errors(SOURCE, went([0, 2, 4, 6, 8]), (START, END))
    assert errors["distinct_modes"] == 0
    assert 0 < errors["frac_near_mode"] < 0.02
    assert relation_errors(SOURCE[:5], SOURCE[:5], (START, END)) == {}


def test_near_is_within_three_standard_deviations_of_a_mode_of_the_second():
    for distance, near in ((2.99, 1), (3.01, 0)):
        fake = END.centre[torch.arange(len(SOURCE)) % 10] + distance * END.std * torch.tensor([0.0, 1.0])
        assert relation_scores(SOURCE, fake, (START, END))["frac_near_mode"] == near
