import subprocess

import pytest
import torch

from lightning_cgan.batches import ImageSpec, PairSpec
from lightning_cgan.callbacks.health import Health
from lightning_cgan.callbacks.scores.card import commit, evaluated_with
from lightning_cgan.extractors.digits import ClassifierTraining
from lightning_cgan.extractors.photo_patches import PatchTraining
from lightning_cgan.extractors.poses import PoseTraining
from lightning_cgan.extractors.segmenter import SegmenterTraining

RING = ["--config=experiments/cgan/ring.yaml", "--trainer.max_steps=2", "--trainer.val_check_interval=2"]


@pytest.fixture
def ring(run, tmp_path):
    """Runs a command on the ring for two updates."""
    from lightning_cgan.cli.lightning import main

    flags = ["--data.init_args.points=200", "--data.init_args.validation_fakes=20", "--data.init_args.test_fakes=24"]
    flags = [*RING, *flags, f"--trainer.default_root_dir={tmp_path / 'run'}"]
    return lambda command, *words: main([command, *flags, *words])


def test_a_card_says_what_was_measured_against_what_and_where_it_came_from(ring, scores):
    assert ring("fit", "--seed_everything=7") == 0
    assert ring("test", "--seed_everything=3") == 0
    card = scores()["test"]["card"]
    assert card["reference"]["split"] == "test"
    assert len(card["reference"]["sha256"]) == 64
    assert (card["fakes"], card["protocol"], card["weights"], card["norm"]) == (24, "OWN", "raw", "none")
    assert (card["seed"], card["training_seed"], card["update"], card["scored"]) == (3, 7, 2, 1)
    assert card["checkpoint"]["name"] == "last.ckpt"
    assert (card["model"], card["data"]) == ("lightning_cgan.papers.ConditionalGAN", "datamodules.Ring")
    assert card["versions"]["torch"]
    assert card["processes"] == 1
    assert card["device"].startswith("cpu")
    assert "scored" not in scores()["val"]["card"]


def test_test_data_are_scored_once_unless_asked_again_and_the_card_counts(ring, scores, capsys):
    assert ring("fit") == 0
    assert ring("test") == 0
    first = scores()["test"]
    assert ring("test") == 0
    assert "this run is scored" in capsys.readouterr().out
    assert scores()["test"] == first
    assert ring("test", "--again") == 0
    assert scores()["test"]["card"]["scored"] == 2
    assert scores()["test"]["scores"] == first["scores"]


def test_another_runs_checkpoint_is_not_scored_as_this_runs(ring, tmp_path, capsys):
    assert ring("fit") == 0
    assert ring("fit", f"--trainer.default_root_dir={tmp_path / 'other'}") == 0
    assert ring("test", f"--ckpt_path={tmp_path / 'other' / 'last.ckpt'}") == 2
    assert f"default_root_dir to {tmp_path / 'other'}" in capsys.readouterr().err
    fresh = f"--trainer.default_root_dir={tmp_path / 'new'}"
    assert ring("test", f"--ckpt_path={tmp_path / 'other' / 'last.ckpt'}", fresh) == 0


def test_another_convention_is_another_entry_and_counts_for_itself(ring, scores):
    assert ring("fit", "--data.init_args.protocol=PAPERS") == 0
    assert scores()["val"]["card"]["protocol"] == "OWN"  # a protocol is one of the test
    assert ring("test") == 0
    assert ring("test", "--data.init_args.protocol=PAPERS") == 0
    test, papers = scores()["test"], scores()["test_papers"]
    assert (test["card"]["protocol"], test["card"]["fakes"]) == ("OWN", 24)
    assert (papers["card"]["protocol"], papers["card"]["fakes"], papers["card"]["scored"]) == ("PAPERS", 5_000, 1)


def test_the_commit_is_that_of_the_checkout():
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    assert (commit() or "").removesuffix("+") == head


def test_the_commit_is_that_of_the_code_that_was_read_when_the_run_began(tmp_path):
    commit.cache_clear()
    Health().setup(None, None, "fit")
    assert commit.cache_info().misses == 1
    commit()
    assert commit.cache_info().misses == 1


def test_source_files_that_no_commit_has_are_changes(tmp_path, monkeypatch):
    def git(*words):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a", *words], cwd=tmp_path, check=True)

    package = tmp_path / "lightning_cgan" / "callbacks" / "scores"
    package.mkdir(parents=True)
    (package / "card.py").touch()
    (tmp_path / "datamodules").mkdir()
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message=one")
    monkeypatch.setattr("lightning_cgan.callbacks.scores.card.__file__", str(package / "card.py"))
    for added, changed in ((None, False), ("notes.txt", False), ("datamodules/own.py", True)):
        (tmp_path / (added or "lightning_cgan")).touch()
        commit.cache_clear()
        assert commit().endswith("+") == changed
    commit.cache_clear()


@pytest.mark.parametrize(
    "training",
    [
        lambda: ClassifierTraining(ImageSpec(1, 16, 10), 4),
        lambda: PatchTraining(ImageSpec(3, 32, 4), 4),
        lambda: PoseTraining(ImageSpec(1, 64), 4),
        lambda: SegmenterTraining(PairSpec(3, 3, 32), 4, width=4),
    ],
)
def test_networks_that_scores_look_through_say_how_they_are_evaluated(training):
    assert evaluated_with(training()) == {"weights": "raw", "norm": "running statistics", "dropout": "off"}


def test_of_a_model_that_does_not_say_the_card_claims_nothing():
    assert set(evaluated_with(torch.nn.Identity()).values()) == {"not declared"}
