import pytest

from lightning_cgan.callbacks.checkpoints import BestCheckpoint
from lightning_cgan.metrics.distribution.all_scores import ScoreResult


@pytest.mark.parametrize(
    ("scores", "best"), [([3.0, 1.0, 2.0], 2), ([1.0, 2.0, 3.0], 1), ([3.0, float("nan"), 2.0], 3)]
)
def test_the_best_validation_score_is_kept(run, state, tmp_path, monkeypatch, scores, best):
    given = iter([*scores])
    found = lambda *_, **__: ScoreResult({"fid": next(given)}, {}, [])  # noqa: E731
    monkeypatch.setattr("lightning_cgan.callbacks.scores.distribution.all_scores", found)
    assert run("fit", steps=3, every=1) == 0
    assert state(name="best.ckpt")["global_step"] == best
    assert state(name="last.ckpt")["global_step"] == 3
    kept = {path.name for path in (tmp_path / "run").glob("*.ckpt")}
    assert kept == {"best.ckpt", "last.ckpt", "last.previous.ckpt"}


def test_a_run_without_that_score_keeps_its_last_state(run, state, tmp_path):
    assert run("fit", "--trainer.callbacks=[]", steps=2, every=1) == 0
    assert state()["global_step"] == 2
    assert not (tmp_path / "run" / "best.ckpt").exists()


def test_checkpoints_hold_plain_values_only(run, state):
    assert run("fit", steps=1) == 0
    described = state()["hyper_parameters"]
    assert described["model"]["class_path"] == "lightning_cgan.papers.ProjectionGAN"
    assert described["model"]["init_args"]["spec"] == [1, 16, 10]
    assert described["seed_everything"] == 0


@pytest.mark.parametrize(
    ("monitor", "mode"),
    [
        ("val/fid", "min"),
        ("val/view_bits", "max"),
        ("val/labels_iou", "max"),
        ("val/azimuth_rmse", "min"),
        ("x", "min"),
    ],
)
def test_the_best_of_a_score_is_in_its_better_direction_unless_another_is_given(monitor, mode):
    assert BestCheckpoint(monitor).mode == mode
    assert BestCheckpoint(monitor, "max").mode == "max"
