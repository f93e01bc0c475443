import pytest

from lightning_cgan.callbacks.scores.translation import ColourScores, CycleScores
from lightning_cgan.metrics.colour import lab
from lightning_cgan.metrics.paired import cycle_errors
from tests.maps import Broken, Known, Maps, Real, UnpairedMaps, scored
from tests.translation import Negative, SmallPairs, trainer


def test_real_pictures_share_all_their_colours_with_themselves(tmp_path):
    entry = scored(tmp_path, ColourScores(), Real(), Maps())
    for axis in "lab":
        assert entry["scores"][f"lab_intersection_{axis}"] == pytest.approx(1)
        assert entry["scores"][f"lab_spread_{axis}"] == entry["scores"][f"real_lab_spread_{axis}"]
    deviation = lab(Maps().domains("test")[1].image)[:, 0].std(correction=0).item()
    assert entry["scores"]["real_lab_spread_l"] == pytest.approx(deviation)
    assert entry["standard_errors"]["lab_spread_a"] > 0
    assert entry["card"]["lab"] == {"bins": 50, "ranges": {"l": [0, 100], "a": [-110, 110], "b": [-110, 110]}}


def test_pictures_without_noise_have_fewer_colours(tmp_path):
    scores = scored(tmp_path, ColourScores(), Known(), Maps())["scores"]
    assert all(scores[f"lab_intersection_{axis}"] < 0.4 for axis in "lab")


def test_batches_and_missing_pairs_have_no_say_in_colours(tmp_path):
    whole = scored(tmp_path / "whole", ColourScores(), Known(), Maps())["scores"]
    parts = scored(tmp_path / "parts", ColourScores(), Known(two_ways=True), Maps(evaluation_batch_size=7))["scores"]
    assert parts == pytest.approx(whole)  # label maps that come back are no pictures
    assert scored(tmp_path / "unpaired", ColourScores(), Known(), UnpairedMaps())["scores"].keys() == whole.keys()


def test_without_label_maps_both_directions_have_colours(tmp_path):
    data = Maps()
    data.labels_in = data.palette = None
    scores = scored(tmp_path, ColourScores(), Known(two_ways=True), data)["scores"]
    assert {"lab_intersection_a", "back_lab_intersection_a", "back_real_lab_spread_a"} <= scores.keys()
    assert len(scores) == 18


def test_grey_pictures_have_no_colours_to_score_and_the_run_continues(tmp_path, capsys):
    assert scored(tmp_path, ColourScores(), Negative(), SmallPairs()) is None
    assert "colours need images of three channels; got 1" in capsys.readouterr().out


def test_what_returns_unchanged_has_no_cycle_error_and_what_does_not_has_its_own(tmp_path):
    model, data = Known(two_ways=True), Maps(evaluation_batch_size=7)
    entry = scored(tmp_path, CycleScores(), model, data)
    assert entry["scores"]["cycle_error_a"] == 0
    real = data.domains("test")[1].image.float() / 127.5 - 1
    back = model.translated(model.translated(real, back=True))
    assert entry["scores"]["cycle_error_b"] == pytest.approx(cycle_errors(real, back).mean().item(), abs=1e-6)
    assert entry["standard_errors"]["cycle_error_b"] > 0


def test_a_model_that_translates_one_way_has_no_cycle_and_is_told_so_once(tmp_path, capsys):
    assert scored(tmp_path, CycleScores(), Known(), Maps()) is None
    assert capsys.readouterr().out.count("returns no reconstructions") == 1


def test_images_that_are_no_numbers_score_nothing_and_the_run_continues(tmp_path):
    for callback, names in ((ColourScores(), {"lab_intersection_a"}), (CycleScores(), {"cycle_error_a"})):
        entry = scored(tmp_path, callback, Broken(), Maps(evaluation_batch_size=7))
        assert {name for name, value in entry["scores"].items() if value is None} >= names
        assert any("NaN or infinity" in note for note in entry["notes"])


def test_the_scores_of_a_validation_while_training_are_logged(tmp_path):
    callbacks = [ColourScores(), CycleScores()]
    runner = trainer(tmp_path, callbacks=callbacks, max_steps=1, limit_train_batches=1)
    runner.validate(Known(two_ways=True), Maps(), verbose=False)
    assert {"val/lab_spread_l", "val/cycle_error_a"} <= runner.callback_metrics.keys()
