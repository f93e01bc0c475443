import json
import shutil

import pytest
from lightning.pytorch import Callback

from lightning_cgan.metrics.distribution.all_scores import ScoreResult
from tests.conftest import same

PARTS = ("state_dict", "optimizer_states", "lr_schedulers", "global_step")


class PowerCut(Exception):
    pass


class StopsAt(Callback):
    """Ends the process' work in the middle of a run, after update ``step``."""

    def __init__(self, step: int, where: str = "update") -> None:
        self.step, self.where = step, where

    def on_train_batch_start(self, trainer, *_):
        if self.where == "update" and trainer.global_step == self.step:
            raise PowerCut

    def on_validation_batch_start(self, trainer, *_):
        if self.where == "validation" and trainer.global_step == self.step:
            raise PowerCut


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory):
    return tmp_path_factory.mktemp("trained") / "whole"


@pytest.fixture
def uninterrupted(run, trained_once, tmp_path):
    """A copy of a finished run, in the folder ``whole`` of the test."""
    if not trained_once.exists():
        assert run("fit", folder=trained_once, steps=7, every=3) == 0
    shutil.copytree(trained_once, tmp_path / "whole")


def callback(name, **init_args):
    return "--trainer.callbacks+=" + json.dumps({"class_path": name, "init_args": init_args})


@pytest.mark.parametrize(
    ("stop", "where", "every", "saved"),
    [
        (2, "update", 1, 2),
        (3, "update", 1, 3),
        (5, "update", 1, 5),
        (6, "update", 1, 6),
        (5, "update", 2, 4),  # logs, pictures and the best are ahead of the checkpoint that is gone on from
        (6, "validation", 4, 6),  # saved before the validation, which is repeated
    ],
)
def test_a_resumed_run_ends_with_the_same_bits(run, state, tmp_path, uninterrupted, stop, where, every, saved):
    last = callback("lightning_cgan.callbacks.LastCheckpoint", every=every)
    cut = callback("tests.test_resume.StopsAt", step=stop, where=where)
    with pytest.raises(PowerCut):
        run("fit", last, cut, folder="stopped", steps=7, every=3)
    assert state("stopped")["global_step"] == saved
    assert run("fit", last, folder="stopped", steps=7, every=3) == 0

    for name in ("last.ckpt", "best.ckpt"):
        whole, stopped = state("whole", name), state("stopped", name)
        for part in PARTS:
            assert same(whole[part], stopped[part]), (name, part)
    for file in ("metrics.csv", "metrics.json"):
        assert (tmp_path / "stopped" / file).read_text() == (tmp_path / "whole" / file).read_text()


def test_a_finished_run_says_so_and_stops(run, capsys, tmp_path, uninterrupted):
    before = (tmp_path / "whole" / "last.ckpt").stat().st_mtime_ns
    assert run("fit", folder="whole", steps=7, every=3) == 0
    assert "finished: 7 of 7" in capsys.readouterr().out
    assert (tmp_path / "whole" / "last.ckpt").stat().st_mtime_ns == before


def test_a_finished_run_resumes_when_it_is_given_more_updates(run, state, uninterrupted):
    assert run("fit", folder="whole", steps=9, every=3) == 0
    assert state("whole")["global_step"] == 9


def test_fresh_starts_over_and_keeps_the_earlier_run(run, state, tmp_path, uninterrupted):
    assert run("fit", "--fresh", folder="whole", steps=3) == 0
    assert state("whole")["global_step"] == 3
    assert state("whole.1")["global_step"] == 7


def test_another_model_in_the_same_folder_is_refused(run, capsys, uninterrupted):
    assert run("fit", "--model.init_args.n_critic=1", folder="whole", steps=9) == 2
    assert "model.init_args.n_critic was 2, now 1" in capsys.readouterr().err


def test_what_does_not_touch_training_may_change_when_a_run_resumes(run, state, uninterrupted):
    assert run("fit", "--data.init_args.predict_per_class=3", folder="whole", steps=9) == 0
    assert state("whole")["global_step"] == 9


def test_repeating_a_run_repeats_every_bit(run, state, tmp_path, uninterrupted):
    assert run("fit", folder="again", steps=7, every=3) == 0
    assert same(state("whole")["state_dict"], state("again")["state_dict"])
    assert (tmp_path / "again" / "metrics.json").read_text() == (tmp_path / "whole" / "metrics.json").read_text()


def test_validating_changes_no_training_bit(run, state):
    assert run("fit", folder="often", steps=6, every=1) == 0
    assert run("fit", folder="never", steps=6, every=1000) == 0
    assert same(state("often")["state_dict"], state("never")["state_dict"])
    assert same(state("often")["optimizer_states"], state("never")["optimizer_states"])


def test_the_best_so_far_is_known_after_a_stop_and_a_move(run, state, tmp_path, monkeypatch):
    fids = iter([9.0, 1.0, 5.0])
    found = lambda *_, **__: ScoreResult({"fid": next(fids)}, {}, [])  # noqa: E731
    monkeypatch.setattr("lightning_cgan.callbacks.scores.distribution.all_scores", found)
    last = callback("lightning_cgan.callbacks.LastCheckpoint", every=1)
    with pytest.raises(PowerCut):
        run("fit", last, callback("tests.test_resume.StopsAt", step=5), folder="a", steps=6, every=2)
    (tmp_path / "a").rename(tmp_path / "b")
    assert run("fit", last, folder="b", steps=6, every=2) == 0
    assert state("b", "best.ckpt")["global_step"] == 4


def test_a_run_that_never_validates_is_saved_on_time(run, state):
    stop = callback("tests.test_resume.StopsAt", step=5)
    last = callback("lightning_cgan.callbacks.LastCheckpoint", every=2)
    with pytest.raises(PowerCut):
        run("fit", last, stop, "--trainer.limit_val_batches=0", steps=6, every=2)
    assert state()["global_step"] == 4


def test_a_torn_last_row_of_the_log_does_not_stop_a_run(run, tmp_path, uninterrupted):
    with (tmp_path / "whole" / "metrics.csv").open("a") as log:
        log.write("0,")
    assert run("fit", folder="whole", steps=9, every=3) == 0


@pytest.mark.parametrize(
    "flags",
    [
        ["--ckpt_path=nowhere.ckpt"],
        ["--data=datamodules.CIFAR10", "--data.init_args.root=nowhere"],
        ["--trainer.accelerator=cpu", "--trainer.devices=2"],
    ],
)
def test_fresh_moves_nothing_when_the_new_run_cannot_start(run, state, uninterrupted, flags):
    assert run("fit", "--fresh", *flags, folder="whole") == 2
    assert state("whole")["global_step"] == 7
