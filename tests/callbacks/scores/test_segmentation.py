import json

import pytest

from datamodules.translation import Direction
from lightning_cgan.callbacks.scores.segmentation import SegmentationScores
from lightning_cgan.callbacks.scores.translation import ColourScores, CycleScores
from tests.maps import PALETTE, Broken, Known, Maps, NearestColour, Real, UnpairedMaps, scored
from tests.translation import SmallPairs, trainer

NAMES = ("accuracy", "class_accuracy", "iou")


def kind(entry, prefix):
    return [entry["scores"][f"{prefix}_{name}"] for name in NAMES]


def kinds(entry):
    return {name.removesuffix("_accuracy").removesuffix("_class") for name in entry["scores"] if "accuracy" in name}


def test_a_perfect_translator_scores_one_and_the_ceiling_is_the_segmenters_own_score(tmp_path):
    entry = scored(tmp_path, SegmentationScores(NearestColour(), updates=0), Known(), Maps(evaluation_batch_size=7))
    assert kind(entry, "segmentation") == [1, 1, 1]
    labels, pictures = Maps().domains("test")
    read = NearestColour()(pictures.image).argmax(1)
    right = read == (labels.image[:, None] == PALETTE[:, :, None, None]).all(2).long().argmax(1)
    assert entry["scores"]["real_segmentation_accuracy"] == pytest.approx(right.double().mean().item())
    assert kinds(entry) == {"segmentation", "real_segmentation"}
    said = entry["card"]["segmentation"]
    assert (said["segmenter"]["name"], said["classes"], said["ignored"]) == ("nearest-colour", 4, [])


def test_real_pictures_score_their_ceiling(tmp_path):
    entry = scored(tmp_path, SegmentationScores(NearestColour(), updates=0), Real(), Maps())
    assert kind(entry, "segmentation") == kind(entry, "real_segmentation")


def test_permuted_classes_score_nothing_beside_an_unchanged_ceiling(tmp_path):
    entry = scored(tmp_path, SegmentationScores(NearestColour(), updates=0), Known("shifted"), Maps())
    assert kind(entry, "segmentation") == [0, 0, 0]
    assert entry["scores"]["real_segmentation_accuracy"] > 0.7


def test_pictures_become_label_maps_that_are_read_by_the_nearest_colour(tmp_path):
    data = Maps(direction=Direction.b_to_a)
    entry = scored(tmp_path, SegmentationScores(), Known(), data)
    assert kinds(entry) == {"labels"}
    assert entry["scores"]["labels_accuracy"] > 0.7
    shifted = scored(tmp_path / "shifted", SegmentationScores(), Known("shifted"), data)
    assert shifted["scores"]["labels_accuracy"] < 0.3


@pytest.mark.parametrize("direction", Direction)
def test_both_directions_of_a_model_have_names_of_their_own(tmp_path, direction):
    model, data = Known(two_ways=True), Maps(direction=direction)
    entry = scored(tmp_path, SegmentationScores(NearestColour(), updates=2), model, data)
    assert kinds(entry) == {"segmentation", "real_segmentation", "labels", "seg_gan_train", "real_seg_gan_train"}
    assert kind(entry, "segmentation") == [1, 1, 1]
    assert entry["card"]["segmentation"]["seg_gan_train"]["updates"] == 2


def test_what_needs_pairs_is_left_out_where_there_are_none(tmp_path):
    entry = scored(tmp_path, SegmentationScores(NearestColour()), Known(two_ways=True), UnpairedMaps())
    assert kinds(entry) == {"segmentation"}
    assert kind(entry, "segmentation") == [1, 1, 1]
    assert [note.partition(":")[0] for note in entry["notes"]] == ["real_segmentation, seg_gan_train", "labels"]


def test_learning_from_real_pictures_happens_once_for_two_tests(tmp_path, monkeypatch):
    watcher = SegmentationScores(NearestColour(), updates=2)
    first = scored(tmp_path, watcher, Real(), Maps())
    on_real = watcher.on_real
    assert kind(first, "seg_gan_train") == kind(first, "real_seg_gan_train")
    scored(tmp_path, watcher, Known(), Maps())
    assert watcher.on_real is on_real


def test_validation_teaches_nothing(tmp_path):
    watcher = SegmentationScores(NearestColour(), updates=2)
    trainer(tmp_path, callbacks=[watcher]).validate(Known(), Maps(), verbose=False)
    entry = json.loads((tmp_path / "metrics.json").read_text())["val"]
    assert kinds(entry) == {"segmentation", "real_segmentation"}


def test_ignored_classes_are_neither_scored_nor_taught(tmp_path):
    data = Maps()
    ground = (data.domains("test")[0].image == PALETTE[0, :, None, None]).all(1)
    watcher = SegmentationScores(NearestColour(), updates=2, ignored=[0])
    entry = scored(tmp_path, watcher, Known(), data)
    assert kind(entry, "segmentation") == [1, 1, 1]
    assert watcher.sums["segmentation"].sum() == (~ground).sum()
    assert entry["card"]["segmentation"]["ignored"] == [0]


def test_images_that_are_no_numbers_score_nothing_and_the_run_continues(tmp_path):
    entry = scored(tmp_path, SegmentationScores(NearestColour(), updates=2), Broken(), Maps())
    assert kind(entry, "segmentation") == kind(entry, "seg_gan_train") == [None] * 3
    assert entry["scores"]["real_segmentation_accuracy"] > 0.7
    assert sum("NaN or infinity" in note for note in entry["notes"]) == 2


def test_too_few_pictures_to_learn_from_are_noted_and_the_other_scores_stand(tmp_path):
    entry = scored(tmp_path, SegmentationScores(NearestColour(), updates=2), Known(), Maps(count=1))
    assert kind(entry, "segmentation")[0] == 1
    assert kind(entry, "seg_gan_train") == [None] * 3
    assert any("at least 2 are needed; got 1" in note for note in entry["notes"])
    assert entry["standard_errors"]["segmentation_accuracy"] is None


def test_data_or_a_segmenter_of_other_classes_are_refused_before_anything_runs(tmp_path):
    other = NearestColour()
    other.classes = 12
    for wrong, data, said in (
        (SegmentationScores(), SmallPairs(), "without a palette"),
        (SegmentationScores(other), Maps(), "nearest-colour with 12"),
        (SegmentationScores(ignored=[4]), Maps(), r"from 0 to 3; got \[4\]"),
    ):
        with pytest.raises(ValueError, match=said):
            scored(tmp_path, wrong, Known(), data)
    with pytest.raises(ValueError, match=r"got -1. Set its init_args.updates"):
        SegmentationScores(updates=-1)


def test_errors_of_a_score_shrink_with_the_root_of_the_number_of_pictures(tmp_path):
    error = [
        scored(tmp_path / str(count), SegmentationScores(NearestColour(), updates=0), Real(), Maps(count))[
            "standard_errors"
        ]["segmentation_accuracy"]
        for count in (20, 320)
    ]
    assert 2 < error[0] / error[1] < 8


def test_two_processes_write_what_one_does(tmp_path):
    entries = []
    for number, more in enumerate(({}, {"devices": 2, "strategy": "ddp_fork"})):
        watching = [SegmentationScores(NearestColour(), updates=2), ColourScores(), CycleScores()]
        data, folder = (
            Maps(evaluation_batch_size=5),
            tmp_path / str(number),
        )  # five batches: one process has an empty one
        trainer(folder, callbacks=watching, **more).test(Known("shifted", two_ways=True), data, verbose=False)
        entries.append(json.loads((folder / "metrics.json").read_text())["test"])
    alone, together = entries
    assert (alone["card"]["processes"], together["card"]["processes"]) == (1, 2)
    assert alone["card"]["fakes"] == together["card"]["fakes"] == 24
    for part in ("scores", "standard_errors"):
        assert len(alone[part]) == 15 + 9 + 2
        assert together[part] == pytest.approx(alone[part], rel=1e-9)
