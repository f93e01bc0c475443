from contextlib import nullcontext

import pytest
import torch

from lightning_cgan.runs.run_folder import (
    check_same_run,
    default_folder,
    find_checkpoint,
    read_checkpoint,
    scored_already,
    second_checkpoint,
    set_aside,
    unfinished,
)


def test_a_run_is_named_after_its_first_file():
    assert default_folder(["experiments/projection/digits.yaml", "other/x.yaml"]) == "runs/projection/digits"
    assert default_folder([]) == "runs/unnamed"


def test_an_earlier_run_is_set_aside_under_a_free_name(tmp_path):
    run = tmp_path / "run"
    assert set_aside(str(run)) is None
    for number in (1, 2):
        run.mkdir()
        (run / "last.ckpt").write_text(str(number))
        assert set_aside(str(run)) == tmp_path / f"run.{number}"
    assert (tmp_path / "run.1" / "last.ckpt").read_text() == "1"


def test_the_best_checkpoint_is_evaluated_and_the_last_where_there_is_none(tmp_path):
    assert find_checkpoint(str(tmp_path), None).endswith("last.ckpt")
    (tmp_path / "best.ckpt").touch()
    assert find_checkpoint(str(tmp_path), None).endswith("best.ckpt")
    assert find_checkpoint(str(tmp_path), "last").endswith("last.ckpt")
    assert find_checkpoint(str(tmp_path), "a/b.ckpt") == "a/b.ckpt"


def test_the_last_checkpoint_is_tested_too_where_it_is_another_one_than_the_best(tmp_path):
    held = {"hyper_parameters": {"model": {}}, "state_dict": {}}
    torch.save(held | {"global_step": 40}, tmp_path / "last.ckpt")
    assert second_checkpoint(str(tmp_path)) is None  # there is no best
    torch.save(held | {"global_step": 30}, tmp_path / "best.ckpt")
    assert second_checkpoint(str(tmp_path)) == str(tmp_path / "last.ckpt")
    torch.save(held | {"global_step": 40}, tmp_path / "best.ckpt")
    assert second_checkpoint(str(tmp_path)) is None


class Payload:
    ran = False

    def __reduce__(self):
        return setattr, (Payload, "ran", True)


def test_a_checkpoint_cannot_run_code(tmp_path):
    torch.save({"state_dict": Payload(), "hyper_parameters": {"model": {}}}, tmp_path / "x.ckpt")
    with pytest.raises(ValueError, match="broken or from elsewhere"):
        read_checkpoint(tmp_path / "x.ckpt")
    assert not Payload.ran


def test_a_run_that_is_not_finished_is_remarked_upon_before_test_data_are_used(tmp_path):
    held = {"hyper_parameters": {"model": {}}, "state_dict": {}, "global_step": 40}
    assert unfinished(str(tmp_path), 100) is None  # a checkpoint from elsewhere
    torch.save(held, tmp_path / "last.ckpt")
    assert unfinished(str(tmp_path), 40) is None
    assert "40 of 100 updates" in (unfinished(str(tmp_path), 100) or "")


def test_who_asks_again_hears_when_the_run_was_scored_and_whether_it_has_changed():
    entry = {"card": {"time": "2026-11-21T21:05:34+00:00", "update": 4}}
    assert "on 2026-11-21, at update 4\n" in scored_already("run", entry, 4)
    assert "at update 4; the checkpoint is now of update 6\n" in scored_already("run", entry, 6)


@pytest.mark.parametrize(("now", "resumes"), [([3, 1, 64, 1, False], True), ([3, 1, 64, 1, True], False)])
def test_a_run_of_an_earlier_version_resumes_where_its_spec_means_the_same(now, resumes):
    before, after = ({"model": {"init_args": {"spec": spec}}} for spec in ([3, 1, 64, 1], now))
    with nullcontext() if resumes else pytest.raises(ValueError, match="spec was"):
        check_same_run({"hyper_parameters": before}, after, "run")


def test_what_predict_reads_may_change_between_runs():
    before, after = ({"data": {"init_args": {"predict_from": place}}} for place in (None, "sketches"))
    check_same_run({"hyper_parameters": before}, after, "run")
