import pytest
import torch
from lightning.pytorch import LightningModule, Trainer

from datamodules.embedded.gaussians import GaussianPairs
from datamodules.translation import Direction
from lightning_cgan.batches import PairSpec, Unpaired


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


def nearest(points, mixture):
    return torch.cdist(points.flatten(1), mixture.centre).min(1)


@pytest.mark.parametrize("direction", Direction)
def test_batches_hold_points_of_both_domains_that_nothing_relates(direction):
    data = GaussianPairs(points=200, batch_size=20, direction=direction)
    batches = watched(data).seen
    assert all(isinstance(batch, Unpaired) for batch in batches)
    for side, mixture in zip("ab", data.mixtures, strict=True):
        points = torch.cat([getattr(batch, side).flatten(0, 1) for batch in batches])
        assert points.shape == (60, 2, 1, 1)
        found = nearest(points, mixture)
        assert found.values.max() < 6 * mixture.std
        assert len(found.indices.unique()) == len(mixture.centre)
    a, b = (nearest(getattr(batches[0], k)[0], m).indices for k, m in zip("ab", data.mixtures, strict=True))
    assert not torch.equal(a % 5, b % 5)


def test_each_domain_has_its_modes_and_one_square_shows_both():
    a, b = GaussianPairs().mixtures
    assert (len(a.centre), len(b.centre)) == (5, 10)
    assert torch.allclose(a.centre.mean(0), torch.tensor([-2.0, -2.0]), atol=1e-6)
    assert torch.allclose(b.centre.mean(0), torch.tensor([2.0, 2.0]), atol=1e-6)
    assert a.extent == b.extent > b.centre.max() + 3 * b.std
    assert GaussianPairs().spec == PairSpec(2, 2, 1)


def test_points_of_the_two_domains_and_of_two_splits_share_no_noise():
    data = GaussianPairs(points=5_000)
    noise = [
        (side.image.flatten(1) - mixture.centre[side.label]) / mixture.std
        for split in ("train", "val", "test")
        for side, mixture in zip(data.domains(split), data.mixtures, strict=True)
    ]
    related = torch.corrcoef(torch.stack([one[:, 0] for one in noise])) - torch.eye(len(noise))
    assert related.abs().max() < 0.06


def test_evaluation_sees_every_point_once():
    module = watched(GaussianPairs(points=200, batch_size=20), updates=1)
    assert sum(len(batch.a) for batch in module.validated[2:]) == 5_000  # after the two of the sanity check
    assert all(len(batch.a) == len(batch.b) for batch in module.validated)


@pytest.mark.parametrize("options", [{"modes_a": 0}, {"points": 9}, {"batch_size": 0}])
def test_what_cannot_be_is_refused(options):
    with pytest.raises(ValueError, match=r"Set data.init_args"):
        GaussianPairs(**options)
