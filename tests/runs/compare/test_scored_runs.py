import pytest

from lightning_cgan.runs.compare.runs import scoring
from lightning_cgan.runs.may_change import MAY_CHANGE
from tests.runs.compare.conftest import rows


@pytest.mark.parametrize("key", sorted(MAY_CHANGE))
def test_keys_that_a_resumed_run_may_change_make_no_other_row(a_run, compare, key):
    runs = [a_run(name, seed, config={f"data.init_args.{key}": name}) for seed, name in enumerate("ab")]
    assert len(rows(compare(*runs))) == 3


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("versions.torch", "2.14.0", "versions.torch: 2.15.0 (a, c) against 2.14.0 (b)"),
        ("reference.sha256", "0" * 64, "reference.sha256: b388956de13c… (a, c) against 000000000000… (b)"),
        ("extractor.resize", "PIL", "extractor.resize: bilinear to 16x16 (a, c) against PIL (b)"),
        ("conventions.inception_splits", 1, "conventions.inception_splits: 10 (a, c) against 1 (b)"),
        ("fakes", 10_000, "fakes: 5000 (a, c) against 10000 (b)"),
        ("weights", "average", "weights: raw (a, c) against average (b)"),
        ("norm", "running statistics", "norm: absent (a, c) against running statistics (b)"),
    ],
)
def test_different_cards_are_refused_unless_the_field_is_allowed(a_run, refusal, compare, field, value, said):
    runs = [a_run("a"), a_run("b", 1, card={field: value}), a_run("c", 2)]
    told = refusal(*runs)
    assert said in told
    assert f"add --allow {field}" in told
    assert f"Allowed to differ: {said}." in compare(*runs, f"--allow={field}")


def test_allowing_a_field_allows_what_lies_below_it_and_nothing_else(a_run, refusal, compare):
    runs = [a_run("a"), a_run("b", 1, card={"versions.torch": "2.14.0", "versions.lightning-cgan": "1", "fakes": 1})]
    told = refusal(*runs, "--allow=versions")
    assert "versions" not in told
    assert "--allow fakes" in told
    assert rows(compare(*runs, "--allow=versions,fakes"))[2][1] == "2"


def test_what_identifies_a_run_may_differ(a_run, compare):
    other = {
        "model": "x",
        "precision": "16",
        "processes": 2,
        "device": "cuda",
        "seed": 3,
        "time": "now",
        "worst_class": 1,
    }
    assert rows(compare(a_run("a"), a_run("b", 1, card=other)))[2][1] == "2"


def test_the_seed_of_a_run_is_that_of_its_training_as_the_card_has_it(a_run, compare):
    runs = [a_run(name, seed, config={"seed_everything": 7}) for name, seed in (("a", 1), ("b", 2))]
    assert rows(compare(*runs))[2][1] == "2"


def test_how_a_score_was_measured_that_some_runs_lack_must_agree_among_those_that_have_it(a_run, compare, refusal):
    runs = [a_run("a"), a_run("b", 1, card={"classification": {"updates": 600}}), a_run("c", 2)]
    assert rows(compare(*runs))[2][1] == "3"
    a_run("c", 2, card={"classification": {"updates": 100}})
    assert "classification.updates: 600 (b) against 100 (c)" in refusal(*runs)


def test_a_configuration_key_can_be_allowed_to_differ_between_seeds(a_run, compare):
    start = "model.init_args.init_checkpoint"
    runs = [a_run("a", config={start: "x.ckpt"}), a_run("b", 1, config={start: "y.ckpt"})]
    assert len(rows(compare(*runs))) == 4
    out = compare(*runs, f"--allow={start}")
    assert len(rows(out)) == 3
    assert f"Allowed to differ: {start}: x.ckpt (a) against y.ckpt (b)." in out


def test_a_field_that_no_card_has_cannot_be_allowed(a_run, refusal):
    told = refusal(a_run("a"), "--allow=version.torch")
    assert "none has version.torch" in told
    assert "The nearest name is versions.torch." in told


def test_the_same_seed_twice_is_refused(a_run, refusal):
    assert "seed 4 in a and in b" in refusal(a_run("a", 4), a_run("b", 4))
    assert "seed 4 in a and in a" in refusal("a", "a/")


def test_unfinished_seeds_are_refused_and_an_unfinished_row_is_noted(a_run, refusal, compare):
    runs = [a_run("a", 0), a_run("b", 1, card={"update": 600})]
    told = refusal(*runs)
    assert "update: 1000 (a) against 600 (b)" in told
    assert "lightning-cgan fit --config b/config.yaml" in told
    assert "Allowed to differ: update: 1000 (a) against 600 (b)" in compare(*runs, "--allow=update")
    assert "ProjectionGAN on Digits had come to update 600 of 1000." in compare("b")


def test_best_checkpoints_of_different_updates_are_no_sign_of_unfinished_runs(a_run, compare, refusal):
    best = {"checkpoint.name": "best.ckpt"}
    runs = [a_run("a", 0, card=best | {"update": 750}), a_run("b", 1, card=best | {"update": 500})]
    assert rows(compare(*runs))[2][1] == "2"
    a_run("a", 0, split="test_last")
    a_run("b", 1, split="test_last", card={"update": 600})
    assert "update: 1000 (a) against 600 (b)" in refusal(*runs)


def test_a_folder_without_a_run_is_refused_with_the_command_to_run(a_run, refusal, tmp_path):
    assert "there is no folder runs/none" in refusal("runs/none")
    (tmp_path / "empty").mkdir()
    assert "`lightning-cgan test --config empty/config.yaml --trainer.default_root_dir empty` first" in refusal("empty")
    a_run("a", split="val")
    told = refusal("a")
    assert "a/metrics.json has val" in told
    assert "`lightning-cgan test --config a/config.yaml" in told
    (tmp_path / "a" / "config.yaml").unlink()
    assert "a/config.yaml is missing or broken" in refusal("a", "--split=val")


@pytest.mark.parametrize("content", ["", "[1]", '{"test": 3}', '{"test": {"scores": {}}}', '{"test": {"sco'])
def test_broken_results_are_refused(a_run, refusal, tmp_path, content):
    a_run("a")
    (tmp_path / "a" / "metrics.json").write_text(content)
    assert "a/metrics.json is broken or from elsewhere" in refusal("a")


def test_the_command_to_run_fits_the_entry():
    assert scoring("a", "test_studiogan_last").endswith(" --data.init_args.protocol STUDIOGAN")
    assert scoring("a", "val").startswith("lightning-cgan validate --config a/config.yaml")


def test_a_score_that_no_run_has_is_refused(a_run, refusal):
    told = refusal(a_run("a", fid=1.0, accuracy=1.0), "--scores=fid,acuracy")
    assert "fid, accuracy; got acuracy. The nearest name is accuracy." in told
