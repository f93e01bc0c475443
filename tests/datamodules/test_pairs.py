import pytest
import torch
from lightning.pytorch import LightningModule, Trainer

from datamodules.pairs import GaussianPairs
from lightning_cgan.contract import Unpaired


class Watching(LightningModule):
    """Notes the batches that it is given."""

    def __init__(self):
        super().__init__()
        self.automatic_optimization = False
        self.seen, self.validated = [], []

    def training_step(self, batch, batch_idx):
        self.seen.append(batch)

    def validation_step(self, batch, batch_idx):
        self.validated.append(batch)

    def configure_optimizers(self):
        return None


def watched(data, updates=3):
    module = Watching()
    quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    Trainer(accelerator="cpu", max_epochs=1, limit_train_batches=updates, **quiet).fit(module, data)
    return module


def test_batches_hold_points_of_both_domains_that_nothing_relates():
    data = GaussianPairs(points=200, batch_size=20)
    batches = watched(data).seen
    assert all(isinstance(batch, Unpaired) for batch in batches)
    for side, mixture in zip(("a", "b"), data.mixtures, strict=True):
        points = torch.cat([getattr(batch, side).flatten(0, 1).flatten(1) for batch in batches])
        assert points.shape == (60, 2)
        nearest = torch.cdist(points, mixture.centre).min(1)
        assert nearest.values.max() < 6 * mixture.std
        assert len(nearest.indices.unique()) == len(mixture.centre)
    modes = [
        torch.cdist(getattr(batches[0], k)[0].flatten(1), m.centre).argmin(1)
        for k, m in zip("ab", data.mixtures, strict=True)
    ]
    assert not torch.equal(modes[0], modes[1] % 5)


def test_each_domain_has_its_modes_and_one_square_shows_both():
    a, b = GaussianPairs().mixtures
    assert (len(a.centre), len(b.centre)) == (5, 10)
    assert torch.allclose(a.centre.mean(0), torch.tensor([-2.0, -2.0]), atol=1e-6)
    assert torch.allclose(b.centre.mean(0), torch.tensor([2.0, 2.0]), atol=1e-6)
    assert a.extent == b.extent > b.centre.max() + 3 * b.std


def test_evaluation_sees_every_point_once():
    module = watched(GaussianPairs(points=200, batch_size=20), updates=1)
    assert sum(len(batch.a) for batch in module.validated[1:]) >= 4_000
    assert all(len(batch.a) == len(batch.b) for batch in module.validated)


def test_images_are_signed_floats():
    batch = watched(GaussianPairs(size=16, points=50, batch_size=4), updates=1).seen[0]
    assert batch.a.shape == batch.b.shape == (1, 4, 1, 16, 16)
    assert batch.a.min() < -0.9


@pytest.mark.parametrize("options", [{"modes_a": 0}, {"size": 8}])
def test_what_cannot_be_is_refused(options):
    with pytest.raises(ValueError, match=r"Set data.init_args"):
        GaussianPairs(**options)
