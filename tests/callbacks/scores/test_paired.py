import math
from types import SimpleNamespace

import pytest
import torch

from lightning_cgan.batches import EvalOutput, ImageSpec
from lightning_cgan.callbacks.scores.paired import PairedGrid, PairedScores
from lightning_cgan.protocol import Protocol
from tests.metrics.pixels import Pixels, evaluation_on, features, made


def test_a_pair_grid_has_rows_of_sources_interpolations_fakes_and_reals():
    watcher = PairedGrid(columns=3, scale=4)
    watcher.on_validation_start(None, None)
    trainer = SimpleNamespace(is_global_zero=True)
    for start in (0, 2, 4):
        value = torch.arange(start, start + 2.0).view(2, 1, 1, 1).expand(2, 1, 8, 8) / 10
        watcher.on_validation_batch_end(trainer, None, EvalOutput(real=value, fake=-value, source=value))
    shown = {row: [image.mean().item() for image in cell] for row, cell in watcher.cells.items()}
    assert shown.keys() == {0, 1, 2, 3}
    for row, sign in enumerate((1, 1, -1, 1)):
        assert torch.allclose(torch.tensor(shown[row]), sign * torch.tensor([0.0, 0.1, 0.2]), atol=1e-6)


def test_pairs_that_are_no_numbers_score_nothing_and_interpolation_has_its_scores():
    watcher = comparing(finite=False)
    value = watcher.value
    assert all(math.isnan(value[name]) for name in ("psnr", "fid"))
    assert value["bicubic_psnr"] == 15
    assert value["bicubic_fid"] > 0
    assert comparing(finite=True).value["psnr"] == 25


def test_interpolation_is_scored_by_the_convention_of_the_test():
    value = comparing(finite=True, protocol=Protocol.STUDIOGAN).value
    assert value["is_std"] == value["bicubic_is_std"] == 0  # one split
    assert comparing(finite=True).value["bicubic_is_std"] > 0


def comparing(finite, protocol=Protocol.OWN):
    """What a test gives for pairs whose similarities are known."""
    watcher = PairedScores(Pixels())
    watcher.each = {"psnr": torch.tensor([20.0, 30.0]), "bicubic_psnr": torch.tensor([10.0, 20.0])}
    watcher.baseline, watcher.fakes = made(features(30, 6, 0), features(30, 6, 1)), torch.zeros(0)
    data = SimpleNamespace(protocol=protocol, spec=ImageSpec(1, 1, 6))
    watcher.evaluation = evaluation_on(data)
    return watcher.score(made(features(30, 6, 0), features(30, 6, 2))._replace(finite=finite))[0]


def test_a_protocol_with_other_images_than_pairs_is_refused():
    trainer = SimpleNamespace(datamodule=SimpleNamespace(protocol=Protocol.MIMICRY))
    with pytest.raises(ValueError, match="MIMICRY, which compares others"):
        PairedScores(Pixels()).setup(trainer, None, "test")
