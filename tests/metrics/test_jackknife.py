import math

import pytest
import torch

from lightning_cgan.metrics.jackknife import by_group, groups_of, kept, means, standard_error


def test_every_group_holds_its_share_of_all_images_and_of_every_class():
    for classes in (1, 2, 5, 7, 10, 100):
        label = torch.arange(1_003) % classes
        group = groups_of(label)
        table = torch.stack([group[label == c].bincount(minlength=10) for c in range(classes)])
        assert table.amax(1).sub(table.amin(1)).max() <= 1
        assert {100, 101} >= set(table.sum(0).tolist())


def test_without_labels_image_i_is_in_group_i_modulo_ten():
    assert torch.equal(groups_of(torch.full((25,), -1)), torch.arange(25) % 10)


def test_all_groups_are_kept_first_then_each_is_left_out():
    assert kept(3).tolist() == [[1, 1, 1], [0, 1, 1], [1, 0, 1], [1, 1, 0]]
    assert kept(1).tolist() == [[1]]


def test_sums_and_means_are_those_of_the_images_in_the_groups():
    group, values = torch.tensor([0, 1, 1, 2]), torch.tensor([1.0, 2, 4, 8])
    assert by_group(values, group, 3).tolist() == [1, 6, 8]
    assert means(values, group, 3).tolist() == pytest.approx([15 / 4, 14 / 3, 9 / 2, 7 / 3])


def test_the_error_of_a_mean_of_groups_of_one_is_the_textbooks():
    values = torch.tensor([1.0, 2, 4, 8, 16])
    expected = values.std().item() / math.sqrt(5)
    assert standard_error(means(values, torch.arange(5), 5)) == pytest.approx(expected)


def test_it_is_what_a_score_scatters_by_when_other_images_are_drawn():
    stream = torch.Generator().manual_seed(0)
    draws = torch.randn(400, 1_000, generator=stream).exp()
    group = groups_of(torch.arange(1_000) % 10)
    errors = torch.tensor([standard_error(means(row, group, 10)) for row in draws])
    assert errors.square().mean().sqrt().item() == pytest.approx(draws.mean(1).std().item(), rel=0.1)


def test_one_group_or_none_has_no_error():
    assert math.isnan(standard_error(torch.tensor([3.0])))
    assert math.isnan(standard_error(torch.tensor([3.0, 1.0])))
