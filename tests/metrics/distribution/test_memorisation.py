import pytest
import torch
from scipy.stats import mannwhitneyu

from lightning_cgan.metrics.distribution.memorisation import Neighbours, memorisation, nearest_neighbours
from lightning_cgan.metrics.jackknife import standard_error
from tests.metrics.pixels import features


@pytest.mark.parametrize("block", [1, 50, 2**22])
def test_neighbours_are_those_of_all_distances(block):
    some, train = features(30, 6, 0), features(40, 6, 1)
    distance, nearest = torch.cdist(some.double(), train.double()).min(1)
    found = nearest_neighbours(some, train, block)
    assert torch.equal(found.nearest, nearest)
    assert torch.allclose(found.distance, distance)


def test_a_copy_is_at_distance_zero_exactly_and_far_from_the_origin_too():
    train = features(100, 64, 0, shift=100)
    found = nearest_neighbours(train[[7, 50]], train, block=64)
    assert found.nearest.tolist() == [7, 50]
    assert found.distance.tolist() == [0, 0]


def scores(fake, held_out, train, groups=10):
    found = (nearest_neighbours(x, train) for x in (fake, held_out))
    return memorisation(*found, torch.arange(len(fake)) % groups, groups)


def test_new_images_are_as_near_as_held_out_ones_copies_are_nearer_and_noise_is_farther():
    train, held_out, new = (features(400, 16, seed) for seed in (0, 1, 2))
    assert scores(new, held_out, train)["memorised"][0] == pytest.approx(0.5, abs=0.05)
    copied = scores(train[:300], held_out, train)
    assert copied["memorised"][0] == 1
    assert copied["train_distance"][0] == 0 < copied["train_distance_real"][0]
    assert scores(features(400, 16, 3, scale=4), held_out, train)["memorised"][0] < 0.1
    half = torch.cat([train[:200], new[:200]])
    assert scores(half, held_out, train)["memorised"][0] == pytest.approx(0.75, abs=0.05)


def test_it_is_the_mann_whitney_statistic_with_ties_counted_half():
    stream = torch.Generator().manual_seed(0)
    near, far = (torch.randint(5, (n,), generator=stream).double() for n in (50, 30))
    found = memorisation(Neighbours(near, near), Neighbours(far, far), torch.zeros(50, dtype=torch.int64), 1)
    statistic = mannwhitneyu(far.numpy(), near.numpy()).statistic
    assert found["memorised"].item() == pytest.approx(statistic / 1_500)
    assert found["train_distance"].item() == near.quantile(0.5)


def test_its_error_is_of_leaving_out_groups_of_generated_images():
    train, held_out, new = (features(100, 8, seed) for seed in (0, 1, 2))
    whole = scores(new, held_out, train)
    keep = torch.arange(100) % 10 != 3
    without = scores(new[keep], held_out, train, groups=1)
    assert whole["memorised"][4].item() == pytest.approx(without["memorised"].item())
    assert whole["train_distance"][4].item() == without["train_distance"].item()
    assert 0 < standard_error(whole["memorised"]) < 0.1
