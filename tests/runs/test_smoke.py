"""A smoke run leaves the run, and the one look at test data, as they were."""

import hashlib

SMOKE = "--trainer.fast_dev_run=true"


def files(folder):
    return {
        path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_smoke_run_of_any_command_writes_nothing_into_the_runs_folder(run, scores, state, tmp_path, capsys):
    assert run("fit", SMOKE, steps=2, every=2) == 0  # before the run, too
    assert not (tmp_path / "run").exists()
    assert run("fit", steps=2, every=2) == 0
    assert state()["global_step"] == 2  # it did not go on from the smoke run
    before = files(tmp_path / "run")
    capsys.readouterr()
    for command in ("fit", "validate", "test", "predict"):
        assert run(command, SMOKE, steps=2, every=2) == 0
        assert f"written to {tmp_path / 'run.smoke'}, not to the run folder" in capsys.readouterr().out
    assert files(tmp_path / "run") == before
    assert {"val_partial", "test_partial"} <= scores("run.smoke").keys()


def test_without_a_run_a_smoke_test_takes_the_smoke_runs_checkpoint(run, scores):
    assert run("fit", SMOKE, steps=2, every=2) == run("validate", SMOKE, steps=2, every=2) == 0
    assert scores("run.smoke")["val_partial"]["card"]["checkpoint"]["name"] == "last.ckpt"
