import math

import pytest
import torch

from lightning_cgan.metrics.distribution import all_scores as scores
from lightning_cgan.metrics.distribution.all_scores import all_scores, frechet_distance, inception_score
from lightning_cgan.metrics.distribution.intra_class_fid import intra_class_fid
from lightning_cgan.metrics.distribution.kid_prdc import compared, neighbourhood_scores
from lightning_cgan.metrics.distribution.pairwise_blocks import careful
from lightning_cgan.metrics.jackknife import groups_of
from lightning_cgan.protocol import Convention
from tests.metrics.pixels import CPU, features, made, scored

ALWAYS = {"fid", "kid", "is_mean", "is_std", "precision", "recall", "density", "coverage"}


def bytes_of(count, seed=0):
    stream = torch.Generator().manual_seed(seed)
    return torch.randint(256, (count, 1, 2, 2), dtype=torch.uint8, generator=stream)


def seen(reals=80, fakes=60, label=None, **given):
    return made(features(reals, 6, 0), features(fakes, 6, 1, 1.2), label, **given)


def test_every_score_has_a_value_an_error_and_nothing_to_remark():
    result = all_scores(seen(), knows_labels=False)
    assert result.value.keys() == result.error.keys() == ALWAYS
    assert all(math.isfinite(number) for number in (*result.value.values(), *result.error.values()))
    assert all(error > 0 for error in result.error.values())
    assert result.notes == []


def test_they_are_those_that_each_function_gives():
    given = seen()
    value = all_scores(given, knows_labels=False).value
    assert value["fid"] == pytest.approx(frechet_distance(given.real, given.fake), rel=1e-9)
    assert (value["is_mean"], value["is_std"]) == pytest.approx(inception_score(given.logits))


def test_without_errors_the_values_are_the_same():
    label = torch.arange(60) % 6
    quick, whole = (all_scores(seen(label=label), True, errors=errors) for errors in (False, True))
    assert quick.value == pytest.approx(whole.value, rel=1e-6)
    assert all(math.isnan(error) for error in quick.error.values())


def test_padded_duplicates_would_change_every_score():
    given = seen(fakes=59)
    padded = given._replace(fake=torch.cat([given.fake, given.fake[-1:]]), label=torch.full((60,), -1))
    padded = padded._replace(logits=padded.fake)
    a, b = (all_scores(x, knows_labels=False, errors=False).value for x in (given, padded))
    assert all(abs(a[name] / b[name] - 1) > 1e-5 for name in ("fid", "kid", "is_mean", "density"))


def test_constants_are_those_of_the_convention():
    given = seen()
    plain = all_scores(given, False).value
    other = all_scores(given, False, Convention(inception_splits=1, neighbours=1, density_neighbours=2)).value
    assert other["is_std"] == 0
    assert other["precision"] < plain["precision"]
    assert other["coverage"] < plain["coverage"]
    subsets = all_scores(given, False, Convention(kid_subsets=3, kid_subset_size=40))
    assert subsets.value["kid"] == scores.subset_kid(given.real, given.fake, 3, 40) != plain["kid"]
    assert subsets.error["kid"] > 0


def test_accuracy_needs_labels_that_the_classifier_knows():
    images = bytes_of(20)
    assert "accuracy" not in all_scores(scored(images, images).gather(CPU, 1), knows_labels=True).value
    labelled = scored(images, images, torch.zeros(20, dtype=torch.int64)).gather(CPU, 1)
    assert "accuracy" in all_scores(labelled, knows_labels=True).value
    assert "accuracy" not in all_scores(labelled, knows_labels=False).value


def test_accuracy_and_the_rarest_class_are_shares_of_generated_images():
    logits = torch.eye(4)[torch.tensor([0, 1, 2, 0] * 5)]
    given = made(features(20, 4, 0), logits, label=torch.tensor([0, 1, 2, 3] * 5))
    result = all_scores(given, knows_labels=True)
    assert (result.value["accuracy"], result.value["min_class_share"]) == (0.75, 0)
    assert all_scores(given._replace(logits=logits[:, :3]), knows_labels=True).value["min_class_share"] == 0.25


def test_groups_of_the_error_do_not_follow_the_classes():
    torch.manual_seed(0)
    label = torch.arange(1_000) % 10
    logits = torch.eye(10)[label] + 0.01 * torch.randn(1_000, 10)
    result = all_scores(made(logits[:500], logits, label), knows_labels=True)
    assert result.error["min_class_share"] < 1e-3
    assert result.error["is_mean"] < 0.05


def test_images_that_are_not_numbers_score_nothing_and_it_is_said():
    result = all_scores(seen(label=torch.arange(60) % 6)._replace(finite=False), knows_labels=True)
    assert result.value.keys() == ALWAYS | {"accuracy", "min_class_share"}
    assert all(math.isnan(value) for value in result.value.values())
    assert len(result.notes) == 1
    assert "hold NaN or infinity" in result.notes[0]


@pytest.mark.parametrize(
    ("reals", "fakes", "missing"),
    [
        (80, 9, {"is_mean", "is_std"}),
        (80, 3, {"is_mean", "is_std", "recall"}),
        (80, 1, ALWAYS),
        (80, 0, ALWAYS),
        (5, 60, {"density", "coverage"}),
        (3, 60, {"density", "coverage", "precision"}),
        (1, 60, ALWAYS - {"is_mean", "is_std"}),
    ],
)
def test_too_few_images_for_a_score_leave_it_out_and_say_how_many_it_needs(reals, fakes, missing):
    result = all_scores(seen(reals, fakes), knows_labels=False)
    assert {name for name, value in result.value.items() if math.isnan(value)} == missing
    said = [note for note in result.notes if "images are needed; there are " in note]
    assert not any("at least 0" in note for note in said)
    named = {name for note in said for name in note.partition(":")[0].split(", ")}
    assert named >= missing


def test_covariances_that_are_not_of_full_rank_are_remarked_upon():
    assert all_scores(seen(6, 60), False).notes[0].startswith("fid: with 6 features it needs more than 6 real")
    assert not all_scores(seen(7, 60), False).notes


def test_images_all_alike_are_reported_and_scored_where_that_means_something():
    given = seen()
    result = all_scores(given._replace(fake=given.fake[:1].expand(60, -1), logits=given.fake[:1].expand(60, -1)), False)
    assert any("All 60 generated images look the same" in note for note in result.notes)
    assert result.value["is_mean"] == pytest.approx(1)
    assert all(math.isfinite(value) for value in result.value.values())


def test_a_model_that_only_classifies_has_its_accuracy_alone():
    hits = torch.arange(40) % 4 > 0
    result = all_scores(seen(40, 0)._replace(hits=hits), knows_labels=True)
    assert result.value == {"classification_accuracy": 0.75}
    assert 0 <= result.error["classification_accuracy"] < 0.2
    assert result.notes == []
    assert all_scores(seen(40, 60)._replace(hits=hits), False).value.keys() == ALWAYS | {"classification_accuracy"}


def test_with_training_images_memorisation_is_measured_and_the_neighbours_are_named():
    train = features(50, 6, 1, 1.2)
    result = all_scores(seen(fakes=40, train=train), knows_labels=False)  # the same 40 images come first
    assert result.value["memorised"] == 1
    assert result.value["train_distance"] == 0
    assert result.value["train_distance_real"] > 0
    assert result.neighbours.nearest.tolist() == list(range(40))


def test_scores_inside_each_class_are_given_where_they_are_asked_for():
    label = torch.arange(60) % 3
    given = seen(label=label)._replace(target=torch.arange(80) % 3)
    result = all_scores(given, knows_labels=True, intra=True)
    inside = intra_class_fid(given, True, groups_of(label), 10)
    assert result.classes.keys() == {0, 1, 2}
    assert result.value["intra_fid"] == inside.mean[0].item()
    assert result.value["intra_fid_worst"] == result.classes[result.worst_class]["fid"]
    assert result.error["intra_fid"] > 0
    unlabelled = all_scores(seen(), knows_labels=True, intra=True)
    assert math.isnan(unlabelled.value["intra_fid"])
    assert any(note.startswith("intra_fid: no class") for note in unlabelled.notes)


def test_no_score_draws_from_a_global_stream():
    torch.manual_seed(3)
    expected = torch.randn(2)
    torch.manual_seed(3)
    all_scores(seen(), False, Convention(kid_subsets=2, kid_subset_size=20))
    assert torch.equal(torch.randn(2), expected)


def test_scores_for_which_memory_runs_out_are_noted_and_the_others_stand(monkeypatch):
    def short(*_, **__):
        with careful(block=123):
            raise torch.OutOfMemoryError("CUDA out of memory")

    given = seen(train=features(50, 6, 3))
    whole = all_scores(given, knows_labels=False)
    monkeypatch.setattr(scores, "compared", short)
    monkeypatch.setattr(scores, "nearest_neighbours", short)
    result = all_scores(given, knows_labels=False)
    kept = {"fid", "is_mean", "is_std"}
    assert {name for name, value in result.value.items() if math.isfinite(value)} == kept
    assert result.value.keys() == whole.value.keys()
    assert all(result.value[name] == whole.value[name] for name in kept)
    assert [note for note in result.notes if "tiles of 123 pairs" in note] == result.notes
    assert len(result.notes) == 2


@pytest.mark.parametrize(("near", "dense"), [(3, 5), (5, 3)])
def test_each_neighbourhood_has_the_number_of_neighbours_of_the_protocol(near, dense):
    real, fake = features(40, 6, 0), features(50, 6, 1)
    convention = Convention(neighbours=near, density_neighbours=dense)
    value = all_scores(made(real, fake), False, convention, errors=False).value
    pairs = compared(real, fake, torch.zeros(50, dtype=torch.int64), 1, near, dense)
    for name, score in neighbourhood_scores(pairs, dense).items():
        assert value[name] == score[0].item()
