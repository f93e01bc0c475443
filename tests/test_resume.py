import pytest
from lightning.pytorch import Callback

from tests.conftest import same

PARTS = ("state_dict", "optimizer_states", "lr_schedulers", "global_step")


class PowerCut(Exception):
    pass


class StopsAt(Callback):
    """Ends the process' work in the middle of a run, after update ``step``."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_start(self, trainer, *_):
        if trainer.global_step == self.step:
            raise PowerCut


@pytest.fixture
def uninterrupted(run):
    assert run("fit", folder="whole", steps=7, every=3) == 0


@pytest.mark.parametrize("stop", [2, 3, 5, 6])
def test_a_stopped_run_goes_on_to_the_same_bits(run, state, tmp_path, uninterrupted, stop):
    callbacks = (
        '--trainer.callbacks+={"class_path": "lightning_cgan.callbacks.checkpoints.Last", "init_args": {"every": 1}}',
        f'--trainer.callbacks+={{"class_path": "tests.test_resume.StopsAt", "init_args": {{"step": {stop}}}}}',
    )
    with pytest.raises(PowerCut):
        run("fit", *callbacks, folder="stopped", steps=7, every=3)
    assert state("stopped")["global_step"] == stop
    assert run("fit", folder="stopped", steps=7, every=3) == 0

    whole, stopped = state("whole"), state("stopped")
    for part in PARTS:
        assert same(whole[part], stopped[part]), part
    for file in ("metrics.csv", "metrics.json"):
        assert (tmp_path / "stopped" / file).read_text() == (tmp_path / "whole" / file).read_text()


def test_a_finished_run_says_so_and_stops(run, capsys, tmp_path, uninterrupted):
    before = (tmp_path / "whole" / "last.ckpt").stat().st_mtime_ns
    assert run("fit", folder="whole", steps=7, every=3) == 0
    assert "finished: 7 of 7" in capsys.readouterr().out
    assert (tmp_path / "whole" / "last.ckpt").stat().st_mtime_ns == before


def test_a_finished_run_goes_on_when_it_is_given_more_updates(run, state, uninterrupted):
    assert run("fit", folder="whole", steps=9, every=3) == 0
    assert state("whole")["global_step"] == 9


def test_fresh_starts_over_and_keeps_the_earlier_run(run, state, tmp_path, uninterrupted):
    assert run("fit", "--fresh", folder="whole", steps=3) == 0
    assert state("whole")["global_step"] == 3
    assert state("whole.1")["global_step"] == 7


def test_another_model_in_the_same_folder_is_refused(run, capsys, uninterrupted):
    assert run("fit", "--model.init_args.critic_updates=1", folder="whole", steps=9) == 2
    assert "model.init_args.critic_updates was 2, now 1" in capsys.readouterr().err


def test_what_does_not_touch_training_may_change_when_a_run_goes_on(run, state, uninterrupted):
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
