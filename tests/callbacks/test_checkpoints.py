import pytest
import torch
from lightning.pytorch import Callback, Trainer
from torch.utils.data import DataLoader

from lightning_cgan.callbacks.checkpoints import BestCheckpoint, LastCheckpoint
from lightning_cgan.metrics.distribution.all_scores import ScoreResult
from lightning_cgan.papers.gan import GAN
from lightning_cgan.runs.checkpoint_files import update_of
from tests.papers.steps import batches
from tests.papers.test_gan import SPEC, Black, Brightness


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
    assert run("fit", "--trainer.callbacks=[]", steps=3, every=2) == 0
    assert state()["global_step"] == 3
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


class Unplugged(Callback):
    """A power cut in a validation after update 2."""

    def on_validation_start(self, trainer, module):
        if trainer.global_step == 2:
            raise KeyError("power cut")


def test_where_a_validation_follows_an_update_the_state_is_saved_after_it(tmp_path):
    """A run that resumes from the state before it would leave it out."""
    watching = [LastCheckpoint(every=2), Unplugged()]
    gan = GAN(SPEC, generator=Black, discriminator=Brightness)
    runner = Trainer(
        accelerator="cpu", default_root_dir=tmp_path, callbacks=watching, logger=False, enable_progress_bar=False,
        enable_model_summary=False, max_steps=4, val_check_interval=2, num_sanity_val_steps=0,
    )  # fmt: skip
    with pytest.raises(KeyError, match="power cut"):
        runner.fit(gan, DataLoader(list(batches(gan, (1, 16, 16), 4)), None), DataLoader([0]))
    assert update_of(tmp_path / "last.ckpt") == 0


def test_the_best_score_so_far_is_known_after_a_resume_also_in_a_folder_that_was_moved(tmp_path):
    before, after = BestCheckpoint(), BestCheckpoint()
    path = "moved/best.ckpt"
    before.best_model_path = before.kth_best_model_path = path
    before.best_k_models, before.best_model_score = {path: torch.tensor(2.0)}, torch.tensor(2.0)
    after.dirpath = str(tmp_path)
    after.load_state_dict(before.state_dict())
    assert after.best_k_models == {f"{tmp_path}/best.ckpt": 2.0}
    runner = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    kept = [after.check_monitor_top_k(runner, torch.tensor(score)) for score in (3.0, 1.0)]
    assert list(map(bool, kept)) == [False, True]
