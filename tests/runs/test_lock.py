import json
import os
import signal
import time

import pytest

from lightning_cgan.errors import UserError
from lightning_cgan.runs.lock import DEAD, HELD, FolderLock, own_name, renew
from lightning_cgan.runs.run_folder import set_aside
from tests.runs.kills import forked, held


def is_refused(folder, command="fit"):
    """Whether another process is, which is no child of the holder."""

    def ask():
        try:
            with FolderLock(folder, command):
                pass
        except UserError:
            os._exit(2)

    def elsewhere():
        if (status := forked(ask)) == 2:
            os._exit(status)

    return forked(elsewhere) == 2


def test_a_second_process_is_refused_and_hears_who_has_the_folder(tmp_path):
    with held(tmp_path / "run") as child:
        with pytest.raises(UserError, match=f"in use by process {child} on .* since 20"):
            FolderLock(tmp_path / "run", "fit").acquire()
        assert not is_refused(tmp_path / "other")
        assert not is_refused(tmp_path / "run", "validate")


def test_a_killed_process_holds_nothing(tmp_path):
    with held(tmp_path):
        assert is_refused(tmp_path)
    assert (tmp_path / "fit.lock").is_file()
    assert not is_refused(tmp_path)


def test_a_process_forked_by_the_holder_does_not_hold_on(tmp_path):
    """As a DataLoader's worker, which may live on for seconds."""
    reading, writing = os.pipe()

    def work():
        if worker := os.fork():
            os.write(writing, worker.to_bytes(4, "little"))
        else:
            time.sleep(600)

    with held(tmp_path, work):
        worker = int.from_bytes(os.read(reading, 4), "little")
    try:
        assert not is_refused(tmp_path)
    finally:
        os.kill(worker, signal.SIGKILL)


def test_it_leaves_nothing_behind(tmp_path):
    with FolderLock(tmp_path / "a" / "b", "fit"):
        assert is_refused(tmp_path / "a" / "b")
    assert not list(tmp_path.iterdir())
    (tmp_path / "a").mkdir()
    with FolderLock(tmp_path / "a", "fit"):
        (tmp_path / "a" / "last.ckpt").touch()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["last.ckpt"]


def test_it_follows_a_folder_that_is_set_aside(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "last.ckpt").touch()
    with FolderLock(run, "fit") as lock:
        aside = set_aside(str(run))
        lock.follow(aside)
        assert is_refused(run)
        assert not is_refused(aside)
        assert [path.name for path in aside.iterdir()] == ["last.ckpt"]
    assert not run.exists()


def test_a_folder_with_nothing_but_the_lock_is_no_earlier_run(tmp_path):
    with FolderLock(tmp_path / "run", "fit"):
        assert set_aside(str(tmp_path / "run")) is None


def test_a_process_of_another_host_holds_as_long_as_it_gives_signs_of_life(tmp_path):
    path = tmp_path / "fit.lock"
    path.write_text(json.dumps(own_name() | {"host": "elsewhere", "boot": "another"}))
    with pytest.raises(UserError, match=f"on elsewhere(.|\n)*remove {path}"):
        FolderLock(tmp_path, "fit").acquire()
    assert json.loads(path.read_text())["host"] == "elsewhere"
    os.utime(path, (time.time() - DEAD + 10,) * 2)
    with pytest.raises(UserError):
        FolderLock(tmp_path, "fit").acquire()
    os.utime(path, (time.time() - DEAD - 1,) * 2)
    assert not is_refused(tmp_path)


def test_a_process_from_before_the_machine_was_started_again_holds_nothing(tmp_path):
    (tmp_path / "fit.lock").write_text(json.dumps(own_name() | {"boot": "another"}))
    assert not is_refused(tmp_path)


def test_only_the_first_process_of_a_run_holds_the_folder(tmp_path, monkeypatch):
    from lightning.pytorch.utilities import rank_zero_only

    monkeypatch.setattr(rank_zero_only, "rank", 1)
    with FolderLock(tmp_path / "run", "fit"):
        assert not (tmp_path / "run").exists()


def test_a_process_that_the_holder_has_started_works_for_it(tmp_path):
    with FolderLock(tmp_path, "fit"):
        HELD.clear()  # as in a spawned process
        assert forked(FolderLock(tmp_path, "fit").acquire) == 0


def test_the_folder_of_a_run_that_is_moved_while_it_runs_stays_held(tmp_path, capsys):
    with FolderLock(tmp_path / "run", "fit"):
        (tmp_path / "run").rename(tmp_path / "moved")
        assert not is_refused(tmp_path / "run")
        renew(tmp_path / "run", "fit")
        assert is_refused(tmp_path / "run")
        assert "was moved or removed" in capsys.readouterr().out
    assert not is_refused(tmp_path / "run")


def test_a_run_whose_folder_was_moved_leaves_another_one_alone_that_has_taken_its_place(tmp_path):
    with FolderLock(tmp_path / "run", "fit"):
        (tmp_path / "run").rename(tmp_path / "moved")
        with held(tmp_path / "run"):
            with pytest.raises(UserError, match="at a time"):
                renew(tmp_path / "run", "fit")
            assert is_refused(tmp_path / "run")
