import json

import pytest

from lightning_cgan.protocol import Protocol
from lightning_cgan.runs.metrics_json import (
    entry_name,
    joined,
    numbers,
    read_results,
    summary,
    with_error,
    write_entry,
)


def test_writing_one_entry_keeps_the_others(tmp_path):
    assert read_results(tmp_path / "none") == {}
    write_entry(tmp_path / "run", "val", {"scores": {"fid": 1.0}})
    write_entry(tmp_path / "run", "test", {"scores": {"fid": 2.0}})
    assert json.loads((tmp_path / "run" / "metrics.json").read_text()) == read_results(tmp_path / "run")
    assert {name: part["scores"]["fid"] for name, part in read_results(tmp_path / "run").items()} == {
        "val": 1, "test": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("split", "protocol", "checkpoint", "best", "name"),
    [
        ("val", "MIMICRY", "last.ckpt", True, "val"),
        ("test", "OWN", "best.ckpt", True, "test"),
        ("test", "OWN", "last.ckpt", True, "test_last"),
        ("test", "OWN", "last.ckpt", False, "test"),
        ("test", "MIMICRY", "best.ckpt", True, "test_mimicry"),
        ("test", "STUDIOGAN", "last.ckpt", True, "test_studiogan_last"),
        ("test", "OWN", None, False, "test"),
    ],
)
def test_an_entry_is_named_after_split_convention_and_checkpoint(tmp_path, split, protocol, checkpoint, best, name):
    if best:
        (tmp_path / "best.ckpt").touch()
    path = str(tmp_path / checkpoint) if checkpoint else None
    assert entry_name(split, Protocol[protocol], path, str(tmp_path)) == name


def test_a_checkpoint_of_another_run_is_what_is_tested(tmp_path):
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "best.ckpt").touch()
    there = str(tmp_path / "there" / "last.ckpt")
    assert entry_name("test", Protocol.OWN, there, str(tmp_path / "here")) == "test"
    assert entry_name("test", Protocol.OWN, there, str(tmp_path / "there")) == "test_last"


def test_what_is_no_number_is_null():
    assert numbers({"a": 1.5, "b": float("nan"), "c": float("inf")}) == {"a": 1.5, "b": None, "c": None}


def test_an_error_is_said_to_two_digits_and_only_where_there_is_one():
    assert with_error(11.4962, 0.2311) == "11.50 ± 0.23"
    assert with_error(413.66, 17.56) == "414 ± 18"
    assert with_error(4136.6, 175.6) == "4140 ± 180"
    assert with_error(11.4962, None) == with_error(11.4962, float("nan")) == with_error(11.4962, 1e-9) == "11.5"


def test_scores_are_said_in_lines_that_break_between_them_and_name_the_checkpoint():
    scores = {f"score_{number}": 100.0 + number for number in range(12)}
    held = {"checkpoint": {"name": "best.ckpt"}, "update": 750}
    lines = summary("test", scores, dict.fromkeys(scores, 0.5), held).splitlines()
    assert lines[0].startswith("test, best.ckpt of update 750: score_0 100.00 ± 0.50  score_1 101.00 ± 0.50")
    assert len(lines) > 1
    assert max(map(len, lines)) <= 100
    assert all(line.startswith("  score_") and line.endswith("0.50") for line in lines[1:])
    assert summary("val", {"fid": 1.0}, {}, {"checkpoint": None}) == "val: fid 1"


def test_a_class_without_a_score_is_null_in_the_file_which_every_reader_of_json_understands(tmp_path):
    def refused(constant):
        raise AssertionError(constant)

    write_entry(tmp_path, "test", {"classes": {"3": {"fid": float("nan"), "fakes": 1}}, "notes": ["none"]})
    entry = json.loads((tmp_path / "metrics.json").read_text(), parse_constant=refused)["test"]
    assert entry == {"classes": {"3": {"fid": None, "fakes": 1}}, "notes": ["none"]}


@pytest.mark.parametrize("order", [(0, 500), (500, 0)])
def test_a_score_that_needs_no_real_images_leaves_the_number_that_others_used(order):
    first, second = ({"card": {"reals": reals, "fakes": 64}} for reals in order)
    assert joined(first, second)["card"] == {"reals": 500, "fakes": 64}
