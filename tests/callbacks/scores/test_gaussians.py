import csv

import pytest
import torch
from torchvision.io import read_image

from datamodules.embedded.gaussians import ring
from lightning_cgan.callbacks.scores.gaussians import scatter
from lightning_cgan.cli.lightning import main


@pytest.fixture
def ring_run(tmp_path):
    """Runs a command on the ring experiment for four updates."""

    def run_ring(command, *extra, config="cgan/ring"):
        short = ["--trainer.max_steps=4", "--trainer.val_check_interval=2", "--data.init_args.points=200"]
        small = ["--data.init_args.validation_fakes=40", "--data.init_args.test_fakes=24"]
        folder = f"--trainer.default_root_dir={tmp_path / 'run'}"
        return main([command, f"--config=experiments/{config}.yaml", *short, *small, folder, *extra])

    return run_ring


def test_points_are_scored_shown_and_written(ring_run, scores, tmp_path):
    assert ring_run("fit") == 0
    assert ring_run("test") == 0
    names = {"modes", "frac_near_mode", "spread", "min_mode_std", "max_mode_std", "label_fidelity", "gate_passed"}
    assert scores()["val"]["scores"].keys() == scores()["test"]["scores"].keys() == names
    assert scores()["test"]["card"]["fakes"] == 24
    assert "val/label_fidelity" in (tmp_path / "run" / "metrics.csv").read_text()
    assert (tmp_path / "run" / "samples" / "000004.png").is_file()
    assert (tmp_path / "run" / "samples" / "test.png").is_file()
    assert ring_run("predict", "--data.init_args.predict_classes=[2,5]", "--data.init_args.predict_per_class=3") == 0
    with (tmp_path / "run" / "predictions" / "points_0.csv").open() as file:
        rows = list(csv.reader(file))
    assert sorted(int(row[2]) for row in rows) == [2, 2, 2, 5, 5, 5]


def test_an_unconditional_paper_is_scored_without_labels(ring_run, scores):
    assert ring_run("fit", config="gan/ring") == 0
    assert "label_fidelity" not in scores()["val"]["scores"]


def test_predicting_again_replaces_the_points(ring_run, tmp_path):
    assert ring_run("fit") == 0
    for _ in range(2):
        assert ring_run("predict", "--data.init_args.predict_per_class=1") == 0
    assert len((tmp_path / "run" / "predictions" / "points_0.csv").read_text().splitlines()) == 8


def test_a_scatter_plot_shows_points_where_they_are(tmp_path):
    mixture = ring(4, 1, 0.05)
    empty = scatter(torch.full((1, 2), 9.0), mixture, tmp_path / "empty.png")
    corner = scatter(torch.full((200, 2), 1.2) + 0.05 * torch.randn(200, 2), mixture, tmp_path / "corner.png")
    changed = (empty != corner).any(0).nonzero().float().mean(0) / torch.tensor(corner.shape[1:])
    assert changed[0] < 0.4  # above the middle
    assert changed[1] > 0.6  # right of it
    assert torch.equal(read_image(str(tmp_path / "corner.png"))[:3], corner)
