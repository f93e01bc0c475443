import math

import torch

from lightning_cgan.metrics.distribution.fid import frechet_distance, total_variance
from lightning_cgan.runs.report.health import no_better_than_chance


def test_a_run_that_has_learnt_nothing_is_told_so_when_it_ends_and_in_its_report(run, scores, tmp_path, capsys):
    assert run("fit", steps=4, every=2) == 0
    said = capsys.readouterr().out
    assert said.count("guessing the class would have 0.1") == 1
    entry = scores()["val"]
    assert entry["chance"]["accuracy"] == 0.1
    assert math.isclose(entry["chance"]["fid"], 579.06, rel_tol=0.1)  # the variance of the real features, or noise
    assert len(no_better_than_chance(entry["scores"], entry["chance"])) == 1  # there are too few images for an FID
    page = (tmp_path / "run" / "report.html").read_text()
    assert "scores no better than chance" in page
    assert "✓ no health warnings" not in page


def test_the_total_variance_is_the_distance_to_the_mean():
    features = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    mean = features.mean(0).expand(20, -1)
    assert math.isclose(frechet_distance(features, mean), total_variance(features).item(), rel_tol=1e-5)
