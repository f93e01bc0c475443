import math

import pytest
import torch

from lightning_cgan.metrics.resample import GROUPS, groups, jackknife


def test_the_error_of_a_mean_is_its_textbook_one():
    """Of a mean the jackknife gives s / sqrt(n) over group means, whatever the size of the groups."""
    value = torch.randn(20_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    group = groups(len(value))
    error = jackknife([value[group != left_out].mean().item() for left_out in range(GROUPS)])
    means = torch.stack([value[group == one].mean() for one in range(GROUPS)])
    assert error == pytest.approx((means.std() / math.sqrt(GROUPS)).item(), rel=1e-9)
    assert error == pytest.approx(1 / math.sqrt(20_000), rel=0.5)


def test_a_score_that_never_moves_has_no_error_and_one_that_is_missing_none_that_is_known():
    assert jackknife([3.0] * GROUPS) == 0
    assert math.isnan(jackknife([1.0, math.nan, 2.0]))


def test_a_group_has_every_class_where_labels_go_round():
    label, group = torch.arange(1_000) % 10, groups(1_000)
    assert group.bincount().tolist() == [100] * GROUPS
    assert all(len(label[group == one].unique()) == 10 for one in range(GROUPS))
    assert torch.equal(group, groups(1_000))
