import pytest
import torch
from lightning.pytorch import Callback

from lightning_cgan.cli.lightning import main
from lightning_cgan.runs.environment import changes
from tests.test_resume import callback


class NoBetter(Callback):
    """Logs a validation score that never improves."""

    def on_validation_epoch_end(self, trainer, module):
        module.log("val/never", 1.0)


class Breaks(Callback):
    def on_train_batch_start(self, trainer, *_):
        if trainer.global_step == 2:
            raise RuntimeError("out of luck")


class Spoils(Callback):
    def on_before_backward(self, trainer, module, loss):
        if trainer.global_step == 2:
            with torch.no_grad():
                loss.fill_(torch.nan)


@pytest.fixture
def fit(tmp_path):
    def train(*flags, steps=6):
        small = ["--data.init_args.batch_size=8", "--data.init_args.validation_fakes=64"]
        run = [f"--trainer.default_root_dir={tmp_path / 'run'}", f"--trainer.max_steps={steps}"]
        return main(
            ["fit", "--config=experiments/gan/ring.yaml", *small, *run, "--trainer.val_check_interval=1", *flags]
        )

    return train


def patience(count):
    stopping = callback("lightning.pytorch.callbacks.EarlyStopping", monitor="val/never", patience=count)
    return "--trainer.callbacks+=tests.callbacks.test_ending.NoBetter", stopping


def test_a_run_that_was_ended_early_stays_ended_until_it_is_given_more_patience(fit, state, capsys):
    assert fit(*patience(2)) == 0
    assert "ended by EarlyStopping at update 3 of 6" in (said := capsys.readouterr().out)
    assert "did not improve in the last 2 records" in said
    assert fit(*patience(2)) == 0
    assert "this run is over: EarlyStopping ended it at update 3 of 6" in capsys.readouterr().out
    assert state()["global_step"] == 3
    assert fit(*patience(9)) == 0
    assert "finished: 6 of 6 updates" in capsys.readouterr().out


def test_an_error_says_from_where_the_same_command_resumes(fit, capsys):
    with pytest.raises(RuntimeError):
        fit("--trainer.callbacks+=tests.callbacks.test_ending.Breaks")
    assert "stopped by RuntimeError after update 2 of 6; the same command resumes from" in capsys.readouterr().out


def test_a_loss_that_is_not_finite_is_told_once(fit, capsys):
    assert fit("--trainer.callbacks+=tests.callbacks.test_ending.Spoils") == 3
    said = capsys.readouterr()
    assert "stopped by" not in said.out
    assert "the same command would fail again" in said.err


def test_what_changed_since_the_last_save_is_said_when_a_run_resumes(fit, capsys):
    assert fit(steps=1) == 0
    assert "warning" not in capsys.readouterr().out
    assert fit(steps=2) == 0
    assert "since update" not in capsys.readouterr().out
    torch.set_num_threads(2)
    try:
        assert fit("--trainer.precision=bf16-mixed", steps=3) == 0
    finally:
        torch.set_num_threads(1)
    said = capsys.readouterr().out
    assert "since update 2 was saved: precision was 32-true, now bf16-mixed; threads was 1, now 2" in said
    assert "will not end with the same bits as one that was never stopped" in said


def test_a_checkpoint_that_does_not_tell_its_environment_raises_no_alarm():
    assert changes({}, {"precision": "32-true"}) == []
    assert changes({"precision": "16-mixed"}, {"precision": "32-true"}) == ["precision was 16-mixed, now 32-true"]
