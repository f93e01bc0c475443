import math

import pytest
import torch

from datamodules.embedded.gaussians import Grid, Ring, grid, ring, sample, spots
from lightning_cgan.batches import Labelled
from lightning_cgan.metrics.modes import located


def test_the_modes_of_a_ring_are_at_equal_angles():
    centre = ring(8, radius=2, std=0.1).centre
    assert torch.allclose(centre.norm(dim=1), torch.full((8,), 2.0))
    assert torch.allclose((centre - centre.roll(1, 0)).norm(dim=1), torch.tensor(4 * math.sin(math.pi / 8)))


def test_the_modes_of_a_grid_are_evenly_spaced_around_the_origin():
    centre = grid(5, spacing=0.5, std=0.1).centre
    assert sorted({round(x, 3) for x in centre[:, 0].tolist()}) == [-1, -0.5, 0, 0.5, 1]
    assert centre.sum().item() == 0


def test_points_have_the_mean_and_spread_of_their_mode():
    mixture = ring(4, 1, 0.05)
    point, label = sample(mixture, 40_000, "train")
    for mode in range(4):
        part = point[label == mode]
        assert len(part) == 10_000
        assert torch.allclose(part.mean(0), mixture.centre[mode], atol=2e-3)
        assert part.std(0).tolist() == pytest.approx([0.05, 0.05], rel=0.03)


def test_splits_differ_and_do_not_depend_on_the_seed_of_a_run(monkeypatch):
    mixture = ring(4, 1, 0.05)
    first = sample(mixture, 10, "train")[0]
    assert not torch.equal(first, sample(mixture, 10, "val")[0])
    monkeypatch.setenv("PL_GLOBAL_SEED", "7")
    assert torch.equal(first, sample(mixture, 10, "train")[0])


@pytest.mark.parametrize("size", [16, 32, 64])
def test_a_spot_can_be_located_again(size):
    point = torch.tensor([[0.0, 0.0], [0.5, -0.5], [-0.9, 0.3]])
    image = spots(point, extent=1.5, size=size)
    assert image.shape == (3, 1, size, size)
    assert -1 <= image.min() < -0.9
    assert image.max() <= 1
    assert torch.allclose(located(image, 1.5), point, atol=0.02)


def test_the_class_of_a_point_is_its_mode_and_points_are_not_bytes():
    data = Ring()
    assert data.spec == (2, 1, 8)
    source = data.source("train")
    assert source.image.dtype == torch.float32
    centre = data.mixture.centre[source.label]
    assert (source.image.flatten(1) - centre).norm(dim=1).max() < 0.05 * 6
    batch = Labelled(source.image[None, :4], source.label[None, :4])
    assert data.on_after_batch_transfer(batch, 0) is batch


def test_images_travel_as_bytes():
    data = Grid(size=16, points=100)
    assert data.spec == (1, 16, 25)
    assert data.source("train").image.dtype == torch.uint8
    assert (
        data.on_after_batch_transfer(Labelled(data.source("train").image, data.source("train").label), 0).image.min()
        < 0
    )


@pytest.mark.parametrize("options", [{"size": 8}, {"points": 3}])
def test_what_cannot_be_shown_is_refused(options):
    with pytest.raises(ValueError, match=r"Set data.init_args"):
        Ring(**options)
