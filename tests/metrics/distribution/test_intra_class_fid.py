import pytest
import torch

from lightning_cgan.batches import EvalOutput, to_signed
from lightning_cgan.metrics.distribution.all_scores import FeatureAccumulator, frechet_distance
from lightning_cgan.metrics.distribution.intra_class_fid import IntraClass, intra_class_fid
from lightning_cgan.metrics.jackknife import groups_of
from tests.metrics.pixels import Pixels


def gathered(real, truth, fake, label, batch=13):
    scores = FeatureAccumulator(Pixels())
    for number, (a, b) in enumerate(zip(range(0, 60, batch), range(batch, 60 + batch, batch), strict=True)):
        parts = (part[a:b] for part in (to_signed(real), to_signed(fake), label))
        scores.add(number, EvalOutput(*parts, target=truth[a:b]))
    return scores.gather(torch.device("cpu"), 1)


@pytest.fixture
def images():
    torch.manual_seed(0)
    return torch.randint(256, (2, 60, 1, 2, 2), dtype=torch.uint8)


def intra(seen, groups=1) -> IntraClass:
    group = groups_of(seen.label) if groups > 1 else torch.zeros_like(seen.label)
    return intra_class_fid(seen, True, group, groups)


def test_it_is_the_mean_over_classes_of_the_distance_inside_each(images):
    real, fake = images
    truth, label = torch.arange(60) % 3, torch.arange(60) // 20
    fake[label == 2] //= 4
    inside = intra(gathered(real, truth, fake, label))
    expected = [frechet_distance(real[truth == c].flatten(1), fake[label == c].flatten(1)) for c in range(3)]
    assert [row["fid"] for row in inside.classes.values()] == pytest.approx(expected, rel=1e-9)
    assert inside.mean.item() == pytest.approx(sum(expected) / 3)
    assert (inside.worst.item(), inside.worst_class) == (pytest.approx(max(expected)), 2)
    assert {(row["reals"], row["fakes"]) for row in inside.classes.values()} == {(20, 20)}


def test_each_class_says_how_many_images_were_made_as_asked(images):
    _, fake = images
    label = torch.arange(60) % 4
    fake.zero_()[torch.arange(60), 0, label // 2, label % 2] = 255  # the brightest pixel is the class
    fake[:4].zero_()  # class 0
    rows = intra(gathered(images[0], label, fake, label)).classes
    assert [rows[c]["accuracy"] for c in range(4)] == pytest.approx([1, 14 / 15, 14 / 15, 14 / 15])


def test_two_classes_that_change_places_are_seen_by_it_alone(images):
    real, _ = images
    truth = torch.arange(60) % 2
    real[truth == 1] //= 8
    seen = gathered(real, truth, real, 1 - truth)
    assert frechet_distance(seen.real, seen.fake) == pytest.approx(0, abs=1e-6)
    assert intra(seen).mean.item() > 1_000
    assert intra(gathered(real, truth, real, truth)).mean.item() == pytest.approx(0, abs=1e-3)


def test_classes_of_fewer_than_two_images_are_listed_without_a_distance(images):
    real, fake = images
    truth = torch.zeros(60, dtype=torch.int64)
    truth[0] = 1
    inside = intra(gathered(real, truth, fake, truth))
    assert inside.classes[1]["fid"] != inside.classes[1]["fid"]
    assert (inside.classes[1]["reals"], inside.classes[1]["fakes"], inside.worst_class) == (1, 1, 0)
    assert inside.mean.item() == inside.classes[0]["fid"]


def test_without_labels_there_is_none(images):
    nothing = intra(gathered(*images[:1], torch.full((60,), -1), images[1], torch.arange(60) % 2))
    assert nothing.mean.isnan().all()
    assert nothing.worst.isnan().all()
    assert nothing.worst_class is None


def test_its_standard_error_is_of_leaving_out_the_same_images_in_every_class(images):
    real, fake = images
    truth = torch.arange(60) % 3
    seen = gathered(real, truth, fake, truth)
    left_out = intra(seen, groups=10).mean[4]
    keep = groups_of(truth) != 3
    without = gathered(real, truth, fake, truth)._replace(
        fake=seen.fake[keep], label=truth[keep], logits=seen.logits[keep]
    )
    assert left_out.item() == pytest.approx(intra(without).mean.item(), rel=1e-9)
