import numpy as np
import pytest
import torch
from torch.nn.functional import one_hot
from torch_fidelity.metric_isc import isc_features_to_metric

from lightning_cgan.metrics.distribution.inception_score import inception_score, inception_scores


def test_it_is_one_without_and_the_number_of_classes_with_perfect_variety():
    assert inception_score(torch.zeros(100, 5), splits=1)[0] == pytest.approx(1)
    certain = 100 * one_hot(torch.arange(100) % 5).double()
    assert inception_score(certain, splits=1)[0] == pytest.approx(5, rel=1e-6)
    assert inception_score(100 * certain, splits=1)[0] == pytest.approx(5, rel=1e-6)  # probabilities of exactly 0


@pytest.mark.parametrize(("images", "splits"), [(200, 10), (203, 10), (57, 1), (10, 10)])
def test_it_is_torch_fidelitys(images, splits):
    logits = 3 * torch.randn(images, 7, generator=torch.Generator().manual_seed(0))
    theirs = isc_features_to_metric(logits, splits=splits)
    assert inception_score(logits, splits) == pytest.approx(tuple(theirs.values()), rel=1e-9, abs=1e-12)


def test_images_in_the_order_of_their_classes_are_shuffled_first():
    certain = 100 * one_hot(torch.arange(1_000) // 100).double()
    unshuffled = isc_features_to_metric(certain, splits=10, shuffle=False)["inception_score_mean"]
    assert unshuffled == pytest.approx(1)
    assert inception_score(certain)[0] > 9


def test_no_global_stream_is_touched_and_the_shuffle_repeats():
    logits = torch.randn(200, 5)
    torch.manual_seed(3)
    np.random.seed(3)
    expected = torch.randn(2), np.random.rand()
    torch.manual_seed(3)
    np.random.seed(3)
    first = inception_score(logits)
    assert torch.equal(torch.randn(2), expected[0])
    assert np.random.rand() == expected[1]
    assert inception_score(logits) == first
    assert first[1] > 0


def test_without_a_group_each_split_loses_its_images_of_that_group():
    logits = 3 * torch.randn(60, 4, generator=torch.Generator().manual_seed(0))
    group = torch.arange(60) % 3
    mean, std = inception_scores(logits, group, 3, splits=2)
    parts = torch.from_numpy(np.random.RandomState(2020).permutation(60)).split(30)
    alone = [isc_features_to_metric(logits[p[group[p] != 1]], 1)["inception_score_mean"] for p in parts]
    assert mean[2].item() == pytest.approx(np.mean(alone), rel=1e-9)
    assert std[2].item() == pytest.approx(np.std(alone), rel=1e-9)


def test_many_classes_are_read_a_part_at_a_time(monkeypatch):
    logits = torch.randn(50, 6)
    whole = inception_score(logits)
    monkeypatch.setattr("lightning_cgan.metrics.distribution.inception_score.CHUNK", 40)
    assert inception_score(logits) == pytest.approx(whole, rel=1e-12)


def test_ten_splits_are_the_default():
    logits = 3 * torch.randn(200, 7, generator=torch.Generator().manual_seed(0))
    assert inception_score(logits) == inception_score(logits, 10) != inception_score(logits, 5)
