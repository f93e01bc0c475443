import math

import pytest
import torch

from lightning_cgan.contract import Evaluated, to_signed
from lightning_cgan.metrics.intra import intra_class_fid
from lightning_cgan.metrics.scores import Pass, frechet_distance
from tests.metrics.test_scores import Pixels


def gathered(real, truth, fake, label, batch=13):
    scores = Pass(Pixels())
    for number, (a, b) in enumerate(zip(range(0, 60, batch), range(batch, 60 + batch, batch), strict=True)):
        parts = (part[a:b] for part in (to_signed(real), to_signed(fake), label))
        scores.add(number, Evaluated(*parts, truth=truth[a:b]))
    return scores.gather(torch.device("cpu"), 1)


@pytest.fixture
def images():
    torch.manual_seed(0)
    return torch.randint(256, (2, 60, 1, 2, 2), dtype=torch.uint8)


def test_it_is_the_mean_over_classes_of_the_distance_inside_each(images):
    real, fake = images
    truth, label = torch.arange(60) % 3, torch.arange(60) // 20
    fake[label == 2] //= 4
    intra = intra_class_fid(gathered(real, truth, fake, label))
    expected = [frechet_distance(real[truth == c].flatten(1), fake[label == c].flatten(1)) for c in range(3)]
    assert list(intra.distance.values()) == pytest.approx(expected, rel=1e-9)
    assert intra.mean == pytest.approx(sum(expected) / 3)
    assert intra.worst == max(expected)
    assert intra.card() == {"classes": 3, "worst_class": 2, "fewest_reals": 20, "fewest_fakes": 20}


def test_two_classes_that_change_places_are_seen_by_it_alone(images):
    real, _ = images
    truth = torch.arange(60) % 2
    real[truth == 1] //= 8
    seen = gathered(real, truth, real, 1 - truth)
    assert frechet_distance(seen.real, seen.fake) == pytest.approx(0, abs=1e-6)
    assert intra_class_fid(seen).mean > 1_000
    assert intra_class_fid(gathered(real, truth, real, truth)).mean == pytest.approx(0, abs=1e-6)


def test_classes_of_fewer_than_two_images_are_left_out(images):
    real, fake = images
    truth = torch.zeros(60, dtype=torch.int64)
    truth[0] = 1
    assert intra_class_fid(gathered(real, truth, fake, truth)).distance.keys() == {0}


def test_without_labels_there_is_none(images):
    nothing = intra_class_fid(gathered(*images[:1], torch.full((60,), -1), images[1], torch.arange(60) % 2))
    assert math.isnan(nothing.mean)
    assert math.isnan(nothing.worst)
    assert nothing.card()["worst_class"] is None
