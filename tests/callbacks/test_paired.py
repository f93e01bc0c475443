from types import SimpleNamespace

import torch

from lightning_cgan.callbacks.paired import PairGrid
from lightning_cgan.contract import Evaluated


def test_a_pair_grid_has_rows_of_sources_interpolations_fakes_and_reals():
    watcher = PairGrid(columns=3, scale=4)
    watcher.on_validation_start(None, None)
    trainer = SimpleNamespace(is_global_zero=True)
    for start in (0, 2, 4):
        value = torch.arange(start, start + 2.0).view(2, 1, 1, 1).expand(2, 1, 8, 8) / 10
        watcher.on_validation_batch_end(trainer, None, Evaluated(real=value, fake=-value, source=value))
    shown = {row: [image.mean().item() for image in cell] for row, cell in watcher.cells.items()}
    assert shown.keys() == {0, 1, 2, 3}
    for row, sign in enumerate((1, 1, -1, 1)):
        assert torch.allclose(torch.tensor(shown[row]), sign * torch.tensor([0.0, 0.1, 0.2]), atol=1e-6)
