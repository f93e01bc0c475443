import csv

import pytest
import torch

from datamodules.embedded.gaussians import ring
from lightning_cgan.batches import EvalOutput
from lightning_cgan.callbacks.scores import gaussians
from lightning_cgan.callbacks.scores.gaussians import scatter_relation
from lightning_cgan.cli.lightning import main
from tests.metrics.pixels import evaluation_on

BOTH = {"distinct_modes", "frac_near_mode", "back_distinct_modes", "back_frac_near_mode"}


@pytest.fixture
def toy(tmp_path):
    """Runs a command on an arm of the toy problem for four updates."""

    def run_toy(command, *extra, config="gaussians"):
        short = ["--trainer.max_steps=4", "--trainer.val_check_interval=2", "--data.init_args.points=200"]
        folder = f"--trainer.default_root_dir={tmp_path / 'run'}"
        return main([command, f"--config=experiments/discogan/{config}.yaml", *short, folder, *extra])

    return run_toy


def test_both_directions_are_scored_shown_and_written(toy, scores, tmp_path):
    assert toy("fit") == 0
    assert toy("test") == 0
    for split in ("val", "test"):
        assert scores()[split]["scores"].keys() == BOTH
        assert (scores()[split]["card"]["fakes"], scores()[split]["card"]["modes"]) == (5_000, [5, 10])
    assert "val/back_frac_near_mode" in (tmp_path / "run" / "metrics.csv").read_text()
    assert (tmp_path / "run" / "samples" / "000004.png").is_file()
    assert (tmp_path / "run" / "samples" / "test.png").is_file()
    assert toy("predict") == 0
    with (tmp_path / "run" / "predictions" / "points_0.csv").open() as file:
        rows = torch.tensor([list(map(float, row)) for row in csv.reader(file)])
    assert rows.shape == (5_000, 4)
    assert (rows[:, :2] + 2).norm(dim=1).max() < 0.7


def test_an_ablation_is_scored_one_way(toy, scores):
    assert toy("fit", "--data.init_args.direction=b_to_a", config="gaussians_recon") == 0
    assert scores()["val"]["scores"].keys() == {"distinct_modes", "frac_near_mode"}
    assert scores()["val"]["card"]["modes"] == [10, 5]


def test_each_direction_is_scored_by_the_modes_that_it_leads_to(monkeypatch):
    mixtures = ring(2, 1.0, 0.05), ring(4, 1.0, 0.02, (5.0, 5.0))
    monkeypatch.setattr(gaussians, "mixtures_of", lambda trainer: mixtures)
    a, b = (mixture.centre.repeat(20, 1)[:40, :, None, None] for mixture in mixtures)
    watcher = gaussians.RelationScores()
    watcher.evaluation = evaluation_on(None)
    watcher.start()
    watcher.update(EvalOutput(b, b, source=a, reverse=EvalOutput(a, a, source=b)))
    found = watcher.compute().scores
    assert found["distinct_modes"] == found["back_distinct_modes"] == 2
    assert found["frac_near_mode"] == found["back_frac_near_mode"] == 1


def test_a_panel_shows_where_points_went(tmp_path):
    mixtures = ring(4, 0.5, 0.05)._replace(extent=2), ring(4, 1, 0.05)._replace(extent=2)
    nowhere = torch.full((200, 4), 9.0)
    corner = torch.cat([nowhere[:, :2], torch.full((200, 2), 1.2) + 0.05 * torch.randn(200, 2)], 1)
    empty, full = (scatter_relation({"": rows}, mixtures, tmp_path / "one.png") for rows in (nowhere, corner))
    changed = (empty != full).any(0).nonzero().float().mean(0) / torch.tensor(full.shape[1:])
    assert changed[0] < 0.5  # above the middle
    assert changed[1] > 0.6  # right of it
    assert (
        scatter_relation({"": corner, "back_": corner}, mixtures, tmp_path / "two.png").shape[-1] > 1.8 * full.shape[-1]
    )
