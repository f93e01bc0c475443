import io
import json
import os
import resource
import sys
from contextlib import suppress

import pytest

from lightning_cgan.callbacks.health import forget, note
from lightning_cgan.runs.csv_log import RunLog
from lightning_cgan.runs.csv_rows import read_rows
from lightning_cgan.runs.files import one_at_a_time, read_json, replacing
from lightning_cgan.runs.metrics_json import read_results, write_entry
from tests.runs.kills import forked


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "x"
    path.write_text("old")
    with suppress(KeyError), replacing(path) as file:
        file.write(b"ne")
        raise KeyError
    assert path.read_text() == "old"
    with replacing(path) as file:
        file.write(b"new")
    assert path.read_text() == "new"
    assert [each.name for each in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize(
    "content", ['{"val": {"sco', "", "[1, 2]", '{"val": 3}', "\0" * 40, b"\xff\xfe\x00".decode("latin1")]
)
def test_broken_scores_are_set_aside_and_new_ones_are_written(tmp_path, capsys, content):
    (tmp_path / "metrics.json").write_text(content, encoding="latin1")
    write_entry(tmp_path, "val", {"scores": {"fid": 1.0}, "card": {}})
    assert read_results(tmp_path)["val"]["scores"] == {"fid": 1.0}
    assert (tmp_path / "metrics.json.broken").read_text(encoding="latin1") == content
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert "metrics.json is broken" in said


def test_what_was_set_aside_before_is_not_overwritten(tmp_path):
    for number in range(3):
        (tmp_path / "x.json").write_text(f"{{{number}")
        assert read_json(tmp_path / "x.json", dict) == {}
    kept = [tmp_path / f"x.json.broken{number}" for number in ("", 2, 3)]
    assert [path.read_text() for path in kept] == ["{0", "{1", "{2"]


@pytest.mark.parametrize("content", ["[1", "{}", "[3]", ""])
def test_broken_health_warnings_are_set_aside_and_new_ones_are_written(tmp_path, content):
    path = tmp_path / "health.json"
    path.write_text(content)
    forget(path, after=3)
    note(path, [{"update": 4}])
    assert json.loads(path.read_text()) == [{"update": 4}]


def logged(folder, *rows):
    log = RunLog(str(folder))
    for step, values in rows:
        log.log_metrics(values, step)
        log.save()
    return [(row["step"], row["a"]) for row in read_rows(folder / "metrics.csv")[1]]


@pytest.mark.parametrize("content", ["\0\0\0\n", "garbage\n1,2\n3\n", "a,b\n1,2\n", ""])
def test_a_broken_log_is_set_aside_and_a_new_one_is_written(tmp_path, capsys, content):
    (tmp_path / "metrics.csv").write_text(content)
    assert logged(tmp_path, (4, {"a": 1.0}), (5, {"a": 2.0})) == [("4", "1.0"), ("5", "2.0")]
    assert not content or (tmp_path / "metrics.csv.broken").read_text() == content
    assert bool(content) == ("metrics.csv is broken" in capsys.readouterr().out)


def test_rows_in_the_middle_of_a_log_that_cannot_be_read_are_said_and_kept(tmp_path, capsys):
    text = "a,step\n1.0,0\nx\ny\n3.0,3\n"
    (tmp_path / "metrics.csv").write_text(text)
    assert logged(tmp_path, (4, {"a": 4.0})) == [("0", "1.0"), ("3", "3.0"), ("4", "4.0")]
    assert (tmp_path / "metrics.csv.broken").read_text() == text
    assert "2 rows of" in capsys.readouterr().out


def test_rows_for_which_there_was_no_room_are_written_later(tmp_path):
    log = RunLog(str(tmp_path))

    def write():
        sys.stdout = io.StringIO()  # pytest's is a file too, which must not grow either
        for step in range(200):
            if step == 50:  # in the middle of a row, at times
                resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(tmp_path / "metrics.csv") + 33, -1))
            if step == 150:
                resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
            log.log_metrics({"a": step / 7, "b": 1.0} if step > 70 else {"a": step / 7}, step)
            log.save()
            assert read_rows(tmp_path / "metrics.csv")[1]

    assert forked(write) == 0
    rows = read_rows(tmp_path / "metrics.csv")[1]
    assert [(int(row["step"]), float(row["a"])) for row in rows] == [(step, step / 7) for step in range(200)]


def test_processes_that_write_scores_at_once_lose_none(tmp_path):
    children = []
    for number in range(8):
        if child := os.fork():
            children.append(child)
            continue
        try:
            with one_at_a_time(tmp_path / "metrics.json"):
                write_entry(tmp_path, str(number), {"scores": {}, "card": {}})
        finally:
            os._exit(0)
    for child in children:
        os.waitpid(child, 0)
    assert sorted(read_results(tmp_path)) == [str(number) for number in range(8)]
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.json"]


def test_a_json_file_of_brackets_without_end_is_set_aside(tmp_path):
    (tmp_path / "metrics.json").write_text("[" * 100_000)
    assert read_json(tmp_path / "metrics.json", dict) == {}
    assert (tmp_path / "metrics.json.broken").is_file()
