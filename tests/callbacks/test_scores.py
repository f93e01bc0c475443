import json
import warnings

from lightning_cgan.callbacks.scores import write_scores


def test_a_score_stands_beside_the_card_that_says_how_it_was_measured(run, scores):
    assert run("fit", steps=2, every=2) == 0
    val = scores()["val"]
    moments, pairs = {"fid", "is_mean", "is_std"}, {"kid", "precision", "recall", "density", "coverage"}
    assert val["scores"].keys() == moments | pairs | {"rarest_class", "accuracy"}
    card = val["card"]
    assert (card["fakes"], card["reals"], card["update"], card["seed"]) == (21, 200, 2, 0)
    assert (card["reference"]["split"], card["reference"]["images"]) == ("val", 200)
    assert len(card["reference"]["sha256"]) == len(card["extractor"]["sha256"]) == 64
    assert card["versions"]["torch"]


def test_writing_one_split_keeps_the_other(tmp_path):
    path = tmp_path / "metrics.json"
    write_scores(path, "val", {"fid": 1.0}, {})
    write_scores(path, "test", {"fid": 2.0}, {})
    assert {split: part["scores"]["fid"] for split, part in json.loads(path.read_text()).items()} == {
        "val": 1,
        "test": 2,
    }


def test_a_generator_that_made_no_numbers_is_reported_and_the_run_goes_on(run, state):
    broken = "--model.init_args.generator_optimizer.init_args.lr=1e38"
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert run("fit", broken, steps=4, every=2) == 0
    assert any("NaN or infinity" in str(warning.message) for warning in said)
    assert state()["global_step"] == 4


def test_a_test_may_score_each_class_and_names_the_worst(run, scores):
    intra = '--trainer.callbacks=[{"class_path":"lightning_cgan.callbacks.scores.Scores","init_args":{"extractor":' \
            '"lightning_cgan.metrics.extractors.DigitsClassifier","intra_fid":true}}]'  # fmt: skip
    assert run("fit", intra, steps=2, every=2) == 0
    assert run("test", intra) == 0
    assert "intra_fid" not in scores()["val"]["scores"]
    test = scores()["test"]
    assert test["scores"]["intra_fid_worst"] > test["scores"]["intra_fid"] > 0
    card = test["card"]["intra_fid"]
    assert (card["classes"], card["fewest_fakes"]) == (10, 4)
    assert card["fewest_reals"] in range(45, 51)
    assert card["worst_class"] in range(10)
