import os
import random
import resource
import signal
import time

import pytest
import torch
from lightning.pytorch import Callback, Trainer

from lightning_cgan import checksum
from lightning_cgan.api import build, load
from lightning_cgan.callbacks.checkpoints import LastCheckpoint
from lightning_cgan.errors import UserError
from lightning_cgan.runs.checkpoint_files import BEST, LAST, PREVIOUS, best_is_last, update_of
from lightning_cgan.runs.checkpoint_io import SafeCheckpointIO
from lightning_cgan.runs.resume import check_usable, checkpoint_to_resume
from tests.conftest import DIGITS, TINY, same
from tests.runs.kills import forked, held, state
from tests.test_resume import PARTS, PowerCut, callback

LAST_EVERY_UPDATE = callback("lightning_cgan.callbacks.LastCheckpoint", every=1)
UNVALIDATED = "--trainer.limit_val_batches=0"
QUICK = (LAST_EVERY_UPDATE, UNVALIDATED)
ROOM = 200_000  # bytes: for logs and pictures, and too few for a checkpoint


class FullDisk(Callback):
    """No file may grow beyond ``ROOM`` from the update ``first`` to the update ``last``."""

    def __init__(self, first: int, last: int) -> None:
        self.first, self.last = first, last

    def on_train_batch_start(self, trainer, *_):
        limit = ROOM if self.first <= trainer.global_step < self.last else -1
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


@pytest.fixture
def room_again():
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, resource.getrlimit(resource.RLIMIT_FSIZE)[1:] * 2)


def damage(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 8
    path.write_bytes(data)


def check_same_end(tmp_path, folder, whole="whole"):
    for name in (LAST, BEST)[: 1 + (tmp_path / whole / BEST).exists()]:
        ended, wanted = (torch.load(tmp_path / run / name, weights_only=True) for run in (folder, whole))
        assert all(same(ended[part], wanted[part]) for part in PARTS), name
    for name in ("metrics.csv", "metrics.json")[: 1 + (tmp_path / whole / "metrics.json").exists()]:
        assert (tmp_path / folder / name).read_text() == (tmp_path / whole / name).read_text()


def test_a_disk_that_is_full_for_a_while_changes_nothing(run, tmp_path, capsys, room_again):
    assert run("fit", LAST_EVERY_UPDATE, folder="whole", steps=4, every=2) == 0
    full = callback("tests.runs.test_resume.FullDisk", first=1, last=3)
    assert run("fit", LAST_EVERY_UPDATE, full, folder="full", steps=4, every=2) == 0
    said = capsys.readouterr().out
    assert "warning: the best state so far, of update 2, was not saved" in said
    assert "warning: update 2 was not saved" in said
    assert torch.load(tmp_path / "full" / LAST, weights_only=True)["global_step"] == 4
    whole, full = (torch.load(tmp_path / name / LAST, weights_only=True) for name in ("whole", "full"))
    assert all(same(whole[part], full[part]) for part in PARTS)


def test_a_run_whose_end_could_not_be_saved_says_so_and_is_completed_by_the_same_command(
    run, tmp_path, capsys, room_again
):
    assert run("fit", *QUICK, folder="whole", steps=4) == 0
    full = callback("tests.runs.test_resume.FullDisk", first=3, last=9)
    assert run("fit", *QUICK, full, folder="full", steps=4) == 2
    told = capsys.readouterr()
    assert "last.ckpt is of update 3 of 4" in told.err
    assert "report in" in told.out
    resource.setrlimit(resource.RLIMIT_FSIZE, resource.getrlimit(resource.RLIMIT_FSIZE)[1:] * 2)
    assert run("fit", *QUICK, folder="full", steps=4) == 0
    check_same_end(tmp_path, "full")


def test_a_run_resumes_from_the_last_but_one_where_the_last_is_damaged_or_gone(run, tmp_path, capsys):
    assert run("fit", *QUICK, folder="whole", steps=4) == 0
    cut = callback("tests.test_resume.StopsAt", step=3)
    for folder, spoil in (("damaged", damage), ("gone", os.remove)):
        with pytest.raises(PowerCut):
            run("fit", *QUICK, cut, folder=folder, steps=4)
        spoil(tmp_path / folder / LAST)
        capsys.readouterr()
        assert run("fit", *QUICK, folder=folder, steps=4) == 0
        said = capsys.readouterr().out
        assert f"last.ckpt is {'missing' if folder == 'gone' else 'damaged'}" in said
        assert "resuming from last.previous.ckpt, of update 2" in said
        check_same_end(tmp_path, folder)
    assert (tmp_path / "damaged" / "last.ckpt.broken").is_file()


def test_a_run_that_is_cut_before_its_first_update_is_saved_starts_again(run, tmp_path):
    assert run("fit", folder="whole", steps=2, every=2) == 0
    with pytest.raises(PowerCut):
        run("fit", callback("tests.test_resume.StopsAt", step=1), folder="cut", steps=2, every=2)
    assert update_of(tmp_path / "cut" / LAST) == 0
    assert run("fit", folder="cut", steps=2, every=2) == 0
    check_same_end(tmp_path, "cut")


def test_a_run_with_broken_files_resumes_and_says_what_is_lost(run, state, tmp_path, capsys):
    folder = tmp_path / "run"
    assert run("fit", steps=2, every=2) == 0
    damage(folder / BEST)
    (folder / "metrics.json").write_text('{"val": {"sco')
    (folder / "metrics.csv").unlink()
    capsys.readouterr()
    assert run("fit", steps=4, every=2) == 0
    said = capsys.readouterr().out
    for line in ("best.ckpt is lost", "metrics.json is broken", "metrics.csv is missing"):
        assert line in said
    assert state(name=BEST)["global_step"] == 4
    assert (folder / "best.ckpt.broken").is_file()
    damage(folder / BEST)
    assert run("validate", steps=4) == 2
    assert f"Set --ckpt_path to another, such as {folder / LAST}" in capsys.readouterr().err


def test_a_finished_run_that_was_killed_before_its_report_gets_it(run, tmp_path, capsys):
    folder = tmp_path / "run"
    assert run("fit", steps=2, every=2) == 0
    before = (folder / LAST).read_bytes()
    for missing in (["report.html"], ["report.html", "curves.png"], []):
        for name in missing:
            (folder / name).unlink()
        capsys.readouterr()
        assert run("fit", steps=2, every=2) == 0
        said = capsys.readouterr().out
        assert "finished: 2 of 2" in said
        assert ("report in" in said) == bool(missing)
        assert "finished: 2 generator updates" in (folder / "report.html").read_text()
        assert (folder / "curves.png").is_file()
    assert (folder / LAST).read_bytes() == before
    assert run("test", "--ckpt_path=last") == 0
    (folder / "report.html").unlink()
    assert run("test", "--ckpt_path=last") == 0
    assert (folder / "report.html").is_file()


def saved(folder, *names):
    for number, name in enumerate(names):
        SafeCheckpointIO().save_checkpoint(state(9 - number, 1000), folder / name)


def test_the_newest_checkpoint_that_verifies_is_gone_on_from(tmp_path, capsys):
    assert checkpoint_to_resume(tmp_path / "none") is None
    (tmp_path / "config.yaml").touch()
    assert checkpoint_to_resume(tmp_path) is None
    saved(tmp_path, LAST, PREVIOUS)
    assert checkpoint_to_resume(tmp_path) == str(tmp_path / LAST)
    assert capsys.readouterr().out == ""
    damage(tmp_path / LAST)
    assert checkpoint_to_resume(tmp_path) == str(tmp_path / PREVIOUS)
    assert "last.ckpt is damaged (its checksum is wrong): resuming from" in capsys.readouterr().out


@pytest.mark.parametrize("trace", [BEST, "metrics.csv"])
def test_a_run_that_has_lost_its_last_checkpoint_does_not_start_from_nothing(tmp_path, trace):
    (tmp_path / trace).touch()
    with pytest.raises(UserError, match=f"with {trace}: last.ckpt is missing and .* --fresh"):
        checkpoint_to_resume(tmp_path)


def test_two_damaged_checkpoints_are_refused(tmp_path):
    saved(tmp_path, LAST, PREVIOUS)
    damage(tmp_path / LAST)
    damage(tmp_path / PREVIOUS)
    with pytest.raises(UserError, match=r"last\.ckpt is damaged .* and last\.previous.ckpt is damaged"):
        checkpoint_to_resume(tmp_path)


def test_a_damaged_file_is_not_the_best(tmp_path):
    saved(tmp_path, LAST)
    (tmp_path / BEST).write_bytes((tmp_path / LAST).read_bytes())
    assert best_is_last(tmp_path)
    damage(tmp_path / BEST)
    assert not best_is_last(tmp_path)


def test_a_folder_that_cannot_be_one_is_refused(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "nowhere").symlink_to("gone")
    for folder, what in (("file", "a file"), ("file/a/b", "a file"), ("nowhere", "a link to nowhere")):
        with pytest.raises(UserError, match=f"is {what}"):
            check_usable(tmp_path / folder)
    check_usable(tmp_path / "a" / "b")


@pytest.mark.skipif(not os.geteuid(), reason="root may write everywhere")
def test_a_read_only_folder_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    for folder in (tmp_path, tmp_path / "a"):
        with pytest.raises(UserError, match="is read-only"):
            check_usable(folder)


def test_commands_refuse_such_folders_before_anything_is_made(run, tmp_path, capsys):
    (tmp_path / "file").touch()
    for command in ("fit", "validate", "test", "predict"):
        assert run(command, folder="file/run") == 2
        assert "is a file. Set --trainer.default_root_dir" in capsys.readouterr().err
    assert run("fit", "--trainer.enable_checkpointing=false") == 2
    assert "Leave out trainer.enable_checkpointing" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_second_run_in_a_folder_is_refused_also_with_fresh(run, tmp_path, capsys):
    with held(tmp_path / "run") as child:
        for flags in ([], ["--fresh"]):
            assert run("fit", *flags) == 2
            assert f"process {child} on " in capsys.readouterr().err
    assert run("fit", steps=1, every=1) == 0
    assert not (tmp_path / "run" / "fit.lock").exists()
    assert not (tmp_path / "run.1").exists()


def test_a_trainer_of_a_script_saves_in_the_same_way(tmp_path):
    quick = {"max_steps": 2, "limit_val_batches": 0, "accelerator": "cpu", "logger": False}
    quick |= {"use_distributed_sampler": False, "enable_progress_bar": False, "default_root_dir": tmp_path}
    model, data = build(DIGITS, *TINY[:3])
    Trainer(callbacks=[LastCheckpoint(every=1)], **quick).fit(model, data)
    for name in (LAST, PREVIOUS):
        with open(tmp_path / name, "rb") as file:
            assert checksum.check(file)
    with held(tmp_path), pytest.raises(UserError, match="One `fit` at a time"):
        Trainer(callbacks=[LastCheckpoint()], **quick).fit(model, data)
    damage(tmp_path / LAST)
    with pytest.raises(UserError, match="its checksum is wrong"):
        Trainer(callbacks=[LastCheckpoint()], **quick).fit(model, data, ckpt_path=tmp_path / LAST)
    with pytest.raises(ValueError, match="broken or from elsewhere"):
        load(tmp_path / LAST)


@pytest.mark.slow
def test_runs_killed_while_they_save_end_with_the_same_bits(run, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", "/dev/shm")
    assert run("fit", *QUICK, folder="whole", steps=8) == 0
    draw = random.Random(0)
    for number in range(10):
        folder = f"killed{number}"
        killed = callback("tests.runs.test_resume.KilledSaving", save=draw.randrange(1, 8), after=draw.random() * 0.02)
        assert forked(lambda folder=folder, killed=killed: run("fit", *QUICK, killed, folder=folder, steps=8)) == -9
        assert run("fit", *QUICK, folder=folder, steps=8) == 0
        ended, whole = (torch.load(tmp_path / name / LAST, weights_only=True) for name in (folder, "whole"))
        assert all(same(ended[part], whole[part]) for part in PARTS)
        assert (tmp_path / folder / "metrics.csv").read_text() == (tmp_path / "whole" / "metrics.csv").read_text()


class KilledSaving(Callback):
    """Kills its process some seconds after the save of update ``save`` has begun."""

    def __init__(self, save: int, after: float) -> None:
        self.save, self.after = save, after

    def on_save_checkpoint(self, trainer, *_):
        if trainer.global_step == self.save and not os.fork():
            time.sleep(self.after)
            os.kill(os.getppid(), signal.SIGKILL)
            os._exit(0)
