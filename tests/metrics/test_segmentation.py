import pytest
import torch
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, jaccard_score
from torchmetrics.functional.classification import multiclass_accuracy, multiclass_jaccard_index

from lightning_cgan.metrics.segmentation import GROUPS, by_group, confusion, leaving_out, segmentation_scores

TRUTH = torch.tensor([0, 0, 1, 1, 2, 2, 255]).view(1, 1, 7)
DECIDED = torch.tensor([0, 1, 1, 1, 2, 0, 1]).view(1, 1, 7)


def drawn(seed, pictures=6, classes=5):
    stream = torch.Generator().manual_seed(seed)
    truth = torch.randint(classes, (pictures, 9, 7), generator=stream)
    wrong = torch.randint(classes, truth.shape, generator=stream)
    return torch.where(torch.rand(truth.shape, generator=stream) < 0.7, truth, wrong), truth


def values(matrix):
    return {name: score.item() for name, score in segmentation_scores(matrix).items()}


def test_a_small_case_written_out():
    matrix = confusion(DECIDED, TRUTH, 3)
    assert matrix.tolist() == [[[1, 1, 0], [0, 2, 0], [1, 0, 1]]]
    expected = {"accuracy": 2 / 3, "class_accuracy": 2 / 3, "iou": 0.5}
    assert values(matrix[0]) == pytest.approx(expected, abs=1e-9)


def test_ignored_classes_of_the_truth_are_not_scored():
    matrix = confusion(DECIDED, TRUTH, 3, ignored=[2])
    assert matrix.tolist() == [[[1, 1, 0], [0, 2, 0], [0, 0, 0]]]
    assert values(matrix[0])["accuracy"] == 0.75


def test_the_scores_are_those_of_well_known_libraries():
    decided, truth = drawn(0)
    whole = confusion(decided, truth, 5).sum(0)
    assert whole.tolist() == confusion_matrix(truth.flatten(), decided.flatten()).tolist()
    found, pair = values(whole), (decided.flatten(), truth.flatten())
    assert found["accuracy"] == pytest.approx(multiclass_accuracy(*pair, 5, average="micro").item(), abs=1e-6)
    assert found["class_accuracy"] == pytest.approx(balanced_accuracy_score(pair[1], pair[0]), abs=1e-12)
    assert found["iou"] == pytest.approx(jaccard_score(pair[1], pair[0], average="macro"), abs=1e-12)
    assert found["iou"] == pytest.approx(multiclass_jaccard_index(*pair, 5).item(), abs=1e-6)


def test_one_matrix_over_all_pictures_is_not_the_mean_of_theirs():
    truth, decided = torch.zeros(2, 1, 4, dtype=torch.int64), torch.zeros(2, 1, 4, dtype=torch.int64)
    truth[1], decided[1, 0, 0] = 1, 1
    each = confusion(decided, truth, 2)
    assert values(each.sum(0))["class_accuracy"] == pytest.approx((1 + 1 / 4) / 2)
    assert values(each.sum(0))["iou"] == pytest.approx((4 / 7 + 1 / 4) / 2)


def test_a_class_that_does_not_occur_is_left_out_and_one_that_only_was_decided_has_no_overlap():
    truth = torch.tensor([[[0, 0, 1, 1]]])
    assert values(confusion(truth, truth, 5)[0]) == dict.fromkeys(("accuracy", "class_accuracy", "iou"), 1.0)
    found = values(confusion(torch.tensor([[[0, 0, 1, 4]]]), truth, 5)[0])
    assert found == pytest.approx({"accuracy": 0.75, "class_accuracy": 0.75, "iou": (1 + 0.5 + 0) / 3})


def test_without_a_scored_pixel_there_is_no_score():
    assert all(score != score for score in values(torch.zeros(3, 3, dtype=torch.int64)).values())
    assert confusion(TRUTH[:0], TRUTH[:0], 3).shape == (0, 3, 3)


def test_permuted_classes_score_as_low_as_they_agree_by_chance():
    _, truth = drawn(1)
    found = values(confusion((truth + 1) % 5, truth, 5).sum(0))
    assert found == dict.fromkeys(("accuracy", "class_accuracy", "iou"), 0.0)


def test_leaving_out_a_group_is_scoring_without_its_pictures():
    decided, truth = drawn(2, pictures=4)
    group = torch.tensor([0, 3, 3, 7])
    sums = leaving_out(by_group(confusion(decided, truth, 5), group))
    assert sums.shape == (4, 5, 5)  # all of them, and without each of three groups
    for row, number in ((1, 0), (2, 3), (3, 7)):
        kept = group != number
        assert torch.equal(sums[row], confusion(decided[kept], truth[kept], 5).sum(0))
    assert by_group(confusion(decided, truth, 5), group).shape == (GROUPS, 5, 5)


def test_a_single_group_is_not_left_out():
    decided, truth = drawn(3, pictures=2)
    assert len(leaving_out(by_group(confusion(decided, truth, 5), torch.zeros(2, dtype=torch.int64)))) == 1
