import math

import pytest
import torch
from torch import nn

from lightning_cgan.contract import Evaluated, to_signed
from lightning_cgan.metrics.classifier import Seen
from lightning_cgan.metrics.extractors import Extractor
from lightning_cgan.metrics.scores import Pass, all_scores, frechet_distance, inception_score, label_accuracy


class Pixels(Extractor):
    """Pixels as features, and as logits."""

    name, resize, sha256 = "pixels", "none", "0"
    knows_labels = True

    def __init__(self):
        super().__init__()
        self.seen = 0

    def forward(self, image):
        self.seen += len(image)
        assert image.dtype == torch.uint8
        return Seen(image.flatten(1).float(), image.flatten(1).float())


def scored(fake, real, label=None, batch=7):
    scores = Pass(Pixels())
    for number, place in enumerate(torch.arange(len(real)).split(batch)):
        asked = None if label is None else label[place]
        scores.add(number, Evaluated(to_signed(real[place]), to_signed(fake[place]), asked))
    return scores


def test_frechet_distance_of_gaussians_is_the_closed_form():
    torch.manual_seed(0)
    real = torch.randn(50_000, 3, dtype=torch.float64)
    fake = torch.randn(50_000, 3, dtype=torch.float64) * torch.tensor([1.0, 2.0, 3.0]) + torch.tensor([1.0, 0.0, 0.0])
    assert frechet_distance(real, fake) == pytest.approx(1 + 0 + 1 + 4, rel=0.02)


def test_frechet_distance_is_zero_to_itself_symmetric_and_blind_to_order():
    torch.manual_seed(0)
    real, fake = torch.randn(300, 5), torch.randn(200, 5) * 2
    assert frechet_distance(real, real) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(real, fake) == pytest.approx(frechet_distance(fake, real), rel=1e-9)
    assert frechet_distance(real, fake[torch.randperm(200)]) == pytest.approx(frechet_distance(real, fake), rel=1e-9)


def test_a_large_mean_does_not_cancel_the_digits():
    torch.manual_seed(0)
    real, fake = torch.randn(300, 5, dtype=torch.float64), torch.randn(300, 5, dtype=torch.float64)
    assert frechet_distance(real + 100, fake + 100) == pytest.approx(frechet_distance(real, fake), rel=1e-6)


def test_frechet_distance_agrees_with_torch_fidelity():
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    torch.manual_seed(0)
    real, fake = torch.randn(400, 8), torch.randn(300, 8) @ torch.randn(8, 8)
    theirs = fid_statistics_to_metric(*map(fid_features_to_statistics, (fake, real)), verbose=False)
    assert frechet_distance(real, fake) == pytest.approx(theirs["frechet_inception_distance"], rel=1e-4)


def test_inception_score_is_one_without_and_the_number_of_classes_with_perfect_variety():
    assert inception_score(torch.zeros(100, 5), splits=1)[0] == pytest.approx(1)
    certain = 100 * nn.functional.one_hot(torch.arange(100) % 5).double()
    assert inception_score(certain, splits=1)[0] == pytest.approx(5, rel=1e-6)


def test_inception_score_leaves_the_global_stream_alone_and_repeats():
    torch.manual_seed(0)
    logits = torch.randn(200, 5)
    torch.manual_seed(3)
    expected = torch.randn(2)
    torch.manual_seed(3)
    first = inception_score(logits)
    assert torch.equal(torch.randn(2), expected)
    assert inception_score(logits) == first
    assert first[1] > 0


def test_label_accuracy_is_the_share_of_right_classes():
    logits = torch.eye(4)
    assert label_accuracy(logits, torch.tensor([0, 1, 2, 0])) == 0.75


def test_each_image_is_looked_at_once():
    images = torch.randint(256, (30, 1, 2, 2), dtype=torch.uint8)
    scores = scored(images, images)
    assert scores.extractor.seen == 60
    all_scores(scores.gather(torch.device("cpu"), 1), knows_labels=False)
    assert scores.extractor.seen == 60


def test_an_empty_batch_adds_nothing():
    images = torch.randint(256, (10, 1, 2, 2), dtype=torch.uint8)
    scores = scored(images, images)
    scores.add(9, Evaluated(torch.empty(0, 1, 2, 2), torch.empty(0, 1, 2, 2)))
    assert len(scores.gather(torch.device("cpu"), 1).fake) == 10


def test_scores_are_of_the_bytes_a_picture_would_hold():
    scores = Pass(Pixels())
    scores.add(0, Evaluated(torch.zeros(1, 1, 1, 2), torch.tensor([[[[0.001, 7.0]]]])))
    assert scores.gather(torch.device("cpu"), 1).fake.tolist() == [[128, 255]]


def test_accuracy_needs_labels_that_the_classifier_knows():
    images = torch.randint(256, (20, 1, 2, 2), dtype=torch.uint8)
    assert "accuracy" not in all_scores(scored(images, images).gather(torch.device("cpu"), 1), knows_labels=True)
    labelled = scored(images, images, torch.zeros(20, dtype=torch.int64)).gather(torch.device("cpu"), 1)
    assert "accuracy" in all_scores(labelled, knows_labels=True)
    assert "accuracy" not in all_scores(labelled, knows_labels=False)


def test_images_that_are_not_numbers_score_nothing():
    scores = scored(*2 * (torch.randint(256, (20, 1, 2, 2), dtype=torch.uint8),))
    scores.add(9, Evaluated(torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), math.nan)))
    assert all(math.isnan(v) for v in all_scores(scores.gather(torch.device("cpu"), 1), False).values())


def test_too_few_images_score_nothing():
    images = torch.randint(256, (20, 1, 2, 2), dtype=torch.uint8)
    few = scored(images, images).gather(torch.device("cpu"), 1)._replace(real=torch.zeros(1, 4))
    assert all(math.isnan(v) for v in all_scores(few, False).values())
