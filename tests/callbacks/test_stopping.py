"""Runs that are asked to stop by signals at named moments, and by the time limit."""

import errno
import os
import signal

import pytest
import torch
from lightning.pytorch import Callback

from lightning_cgan.cli.lightning import main
from tests.conftest import same
from tests.test_resume import PARTS, callback


class Asks(Callback):
    """Sends this process a signal at a moment of update ``step``, as a user or a cluster may."""

    def __init__(self, step: int, where: str, number: str = "SIGTERM") -> None:
        self.step, self.where, self.number = step, where, number

    def on_sanity_check_start(self, trainer, module):
        self.ask("sanity check", trainer)

    def on_train_start(self, trainer, module):
        self.ask("start", trainer)

    def on_train_batch_start(self, trainer, *_):
        self.ask("batch start", trainer)

    def on_before_optimizer_step(self, trainer, *_):
        self.ask("update", trainer)

    def on_train_batch_end(self, trainer, *_):
        self.ask("batch end", trainer)

    def on_validation_batch_start(self, trainer, *_):
        if not trainer.sanity_checking:
            self.ask("validation", trainer)

    def on_validation_end(self, trainer, module):
        if not trainer.sanity_checking:
            self.ask("validation end", trainer)

    def on_save_checkpoint(self, trainer, module, checkpoint):
        self.ask("save", trainer)

    def ask(self, where, trainer):
        if where == self.where and trainer.global_step == self.step:
            self.where = "never again"
            os.kill(os.getpid(), signal.Signals[self.number])


class Full(Callback):
    """From update ``step`` on the disk is full for checkpoints."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_save_checkpoint(self, trainer, module, checkpoint):
        if trainer.global_step >= self.step:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def asks(step, where, number="SIGTERM"):
    return callback("tests.callbacks.test_stopping.Asks", step=step, where=where, number=number)


@pytest.fixture(autouse=True)
def ctrl_c_is_heard():
    """A test run in the background of a shell ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def fit(tmp_path):
    """Trains on a ring of Gaussians, which takes no time: 7 updates, with a validation after the third and sixth."""

    def train(*flags, folder="run", steps=7):
        small = [
            "--data.init_args.batch_size=8",
            "--data.init_args.validation_fakes=64",
            "--trainer.log_every_n_steps=1",
        ]
        run = [f"--trainer.default_root_dir={tmp_path / folder}", f"--trainer.max_steps={steps}"]
        return main(
            ["fit", "--config=experiments/gan/ring.yaml", *small, *run, "--trainer.val_check_interval=3", *flags]
        )

    return train


@pytest.fixture(scope="module")
def folder_of_whole(tmp_path_factory):
    return tmp_path_factory.mktemp("whole")


@pytest.fixture
def whole(fit, folder_of_whole):
    """The folder of a run that was never stopped, trained once."""
    if not (folder_of_whole / "last.ckpt").exists():
        assert fit(f"--trainer.default_root_dir={folder_of_whole}") == 0
    return folder_of_whole


def same_run(one, two):
    """Whether two run folders hold the same: weights, state of the optimizers, log and scores."""
    first, second = (torch.load(folder / "last.ckpt", weights_only=True) for folder in (one, two))
    files = ("metrics.csv", "metrics.json")
    differing = [part for part in PARTS if not same(first[part], second[part])]
    return differing + [name for name in files if (one / name).read_text() != (two / name).read_text()] == []


@pytest.mark.parametrize(
    ("step", "where", "number", "status", "saved"),
    [
        (2, "update", "SIGTERM", 143, 3),  # validation follows
        (4, "batch start", "SIGINT", 130, 5),
        (5, "batch end", "SIGUSR1", 75, 5),
        (3, "save", "SIGTERM", 143, 3),  # before the validation
        (3, "validation", "SIGHUP", 129, 3),
        (3, "validation end", "SIGTERM", 143, 3),
    ],
)
def test_a_signal_saves_and_the_same_command_ends_with_the_same_bits(
    fit, state, capsys, tmp_path, whole, step, where, number, status, saved
):
    assert fit(asks(step, where, number)) == status
    assert f"stopped by {number} at update {saved} of 7" in (said := capsys.readouterr().out)
    assert "the same command resumes" in said
    assert state()["global_step"] == saved
    assert fit() == 0
    assert "finished: 7 of 7 updates" in capsys.readouterr().out
    assert same_run(whole, tmp_path / "run")


def test_a_stop_that_could_not_save_does_not_say_that_it_has(fit, state, capsys):
    full = callback("tests.callbacks.test_stopping.Full", step=4)
    assert fit(full, asks(4, "batch start")) == 1
    assert "stopped by SIGTERM at update 5 of 7, which could not be saved" in (said := capsys.readouterr().out)
    assert "resumes from update 3" in said
    assert state()["global_step"] == 3


def test_a_run_whose_end_could_not_be_saved_does_not_say_that_it_is_finished(fit, capsys):
    assert fit(callback("tests.callbacks.test_stopping.Full", step=4)) == 2
    said = capsys.readouterr()
    assert "finished" not in said.out
    assert "stopped by" not in said.out
    assert "last.ckpt is of update 3 of 7" in said.err


def test_the_best_so_far_is_the_same_after_a_stop_in_a_validation(run, state):
    assert run("fit", folder="whole", steps=4, every=2) == 0
    assert run("fit", asks(2, "validation"), steps=4, every=2) == 143
    assert run("fit", steps=4, every=2) == 0
    assert same(state("whole", "best.ckpt")["state_dict"], state("run", "best.ckpt")["state_dict"])


@pytest.mark.parametrize("where", ["sanity check", "start"])
def test_a_signal_before_the_first_update_leaves_at_once(fit, capfd, where):
    assert fit(asks(0, where)) == 143
    assert "SIGTERM: stopped" in capfd.readouterr().err


@pytest.mark.parametrize("where", ["update", "validation"])
def test_a_signal_at_the_end_lets_the_run_finish(fit, capsys, where):
    step = {"update": 5, "validation": 6}[where]
    assert fit(asks(step, where), steps=6) == 0
    assert "finished: 6 of 6 updates" in capsys.readouterr().out


def test_signals_are_those_of_the_process_again_after_a_run(fit):
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)}
    assert fit(asks(2, "update")) == 143
    assert {number: signal.getsignal(number) for number in before} == before


def test_a_chain_of_jobs_with_a_time_limit_comes_to_its_end(fit, state, capsys, tmp_path, whole):
    """Each job has its own time. Lightning counts that of the jobs before too, and each would end at its start."""
    limit, statuses, updates = "--trainer.max_time=00:00:00:00", [], []
    while 0 not in statuses and len(statuses) < 10:
        statuses.append(fit(limit))
        updates.append(state()["global_step"])
    assert "stopped by trainer.max_time at update 6 of 7" in (said := capsys.readouterr().out)
    assert "finished: 7 of 7 updates" in said
    assert statuses == [75] * (len(statuses) - 1) + [0]
    assert updates == [1, 2, 3, 3, 4, 5, 6, 6, 7]  # a validation takes the time of a job of its own
    assert same_run(whole, tmp_path / "run")


def test_the_callback_alone_stops_a_trainer_from_python(tmp_path):
    from lightning.pytorch import Trainer

    from lightning_cgan import build
    from lightning_cgan.callbacks.stopping import Stopping
    from lightning_cgan.runs.stops import Stopped

    model, data = build("experiments/gan/ring.yaml")
    flags = {"max_steps": 6, "logger": False, "limit_val_batches": 0, "default_root_dir": tmp_path}
    flags |= {"enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": True}
    with pytest.raises(Stopped) as stopped:
        Trainer(callbacks=[Stopping(), Asks(3, "update")], **flags).fit(model, data)
    assert stopped.value.code == 143
    trainer = Trainer(callbacks=[Stopping()], **flags)
    trainer.fit(model, data, ckpt_path=tmp_path / "last.ckpt", weights_only=True)
    assert trainer.global_step == 6
