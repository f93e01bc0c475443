import os
import random
import resource
import signal
from functools import partial
from pathlib import Path

import pytest
import torch

from lightning_cgan.errors import UserError
from lightning_cgan.runs.checkpoint_files import LAST, PREVIOUS, content_of, update_of
from lightning_cgan.runs.checkpoint_io import SafeCheckpointIO
from lightning_cgan.runs.files import HOST, remove_partial_files
from tests.runs.kills import POINTS, forked, is_whole, killed_at, killed_while_saving, newest, state


@pytest.fixture
def saved(tmp_path):
    """A folder in which updates 1 and 2 have been saved."""
    for update in (1, 2):
        SafeCheckpointIO().save_checkpoint(state(update), tmp_path / LAST)
    return tmp_path


def test_the_last_but_one_is_kept(saved):
    assert (update_of(saved / LAST), update_of(saved / PREVIOUS)) == (2, 1)
    assert len(list(saved.iterdir())) == 2


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_any_point_of_a_save_leaves_a_checkpoint_to_go_on_from(saved, point):
    for times in range(5):
        update = newest(saved)[1]
        assert killed_at(point, partial(SafeCheckpointIO().save_checkpoint, state(update + 1), saved / LAST))
        path, found = newest(saved)
        assert found == update + (point == "replaced")
        assert is_whole(content_of(path), found)
        assert times == 0 or (saved / PREVIOUS).is_file()


def test_a_kill_between_the_two_renames_leaves_a_checkpoint_where_files_have_one_name(saved, monkeypatch):
    def no_link(*_):
        raise OSError("no hard links here")

    monkeypatch.setattr(os, "link", no_link)
    assert killed_at("replace", lambda: SafeCheckpointIO().save_checkpoint(state(3), saved / LAST))
    assert newest(saved) == (saved / PREVIOUS, 2)
    SafeCheckpointIO().save_checkpoint(state(4), saved / LAST)
    assert (update_of(saved / LAST), update_of(saved / PREVIOUS)) == (4, 2)


@pytest.mark.parametrize("kills", [8, pytest.param(100, marks=pytest.mark.slow)])
def test_kills_while_saving_leave_a_checkpoint_to_go_on_from(saved, kills, monkeypatch):
    monkeypatch.setenv("TMPDIR", "/dev/shm")
    draw = random.Random(0)
    update = 2
    for _ in range(kills):
        saving = killed_while_saving(saved, update + 1, draw, state)
        path, update = newest(saved)
        assert update in (saving - 1, saving)
        assert is_whole(content_of(path), update)
    remove_partial_files(saved)
    assert {path.name for path in saved.iterdir()} == {LAST, PREVIOUS}


def fails_beyond(size, work):
    """Whether ``work`` is told so by the system when it writes a file longer than ``size``."""

    def limited():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        try:
            work()
        except OSError:
            os._exit(28)

    return forked(limited) == 28


@pytest.mark.parametrize("tenth", range(10))
def test_a_disk_that_is_full_in_a_save_leaves_the_last_good_state(saved, tenth):
    size = (saved / LAST).stat().st_size * tenth // 10
    assert fails_beyond(size, lambda: SafeCheckpointIO().save_checkpoint(state(3), saved / LAST))
    assert newest(saved) == (saved / LAST, 2)
    assert update_of(saved / PREVIOUS) == 1
    assert len(list(saved.iterdir())) == 2


def test_a_damaged_last_checkpoint_never_takes_the_place_of_the_good_one_before_it(saved, capsys):
    data = bytearray((saved / LAST).read_bytes())
    data[len(data) // 2] ^= 1
    (saved / LAST).write_bytes(data)
    SafeCheckpointIO().save_checkpoint(state(3), saved / LAST)
    assert (update_of(saved / LAST), update_of(saved / PREVIOUS)) == (3, 1)
    assert (saved / "last.ckpt.broken").read_bytes() == data
    assert "its checksum is wrong" in capsys.readouterr().out


def test_a_trainer_does_not_load_a_damaged_file(saved):
    data = bytearray((saved / LAST).read_bytes())
    data[-200] ^= 16
    (saved / LAST).write_bytes(data)
    with pytest.raises(UserError, match=r"last\.ckpt: its checksum is wrong"):
        SafeCheckpointIO().load_checkpoint(saved / LAST)


def test_a_checkpoint_of_an_earlier_version_loads_and_that_is_said(tmp_path, capsys):
    torch.save(state(5), tmp_path / "old.ckpt")
    for _ in range(2):
        assert SafeCheckpointIO().load_checkpoint(tmp_path / "old.ckpt")["global_step"] == 5
    assert capsys.readouterr().out.count("has no checksum") == 1


def test_only_files_of_dead_processes_are_cleaned_up(tmp_path):
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    names = [f".last.ckpt.{host}.{pid}.partial" for host, pid in ((HOST, child), (HOST, 1), ("elsewhere", child))]
    for name in names:
        Path(tmp_path, name).touch()
    remove_partial_files(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names[1:])


@pytest.mark.parametrize("name", ["last.ckpt", "last.previous.ckpt", "best.ckpt"])
def test_a_folder_by_the_name_of_a_checkpoint_is_set_aside_and_kept(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "file").touch()
    saves = SafeCheckpointIO()
    for update in (1, 2):
        saves.save_checkpoint({"update": update}, tmp_path / ("best.ckpt" if name == "best.ckpt" else "last.ckpt"))
    assert (tmp_path / name).is_file()
    assert (tmp_path / f"{name}.broken" / "file").is_file()
