from types import SimpleNamespace

import pytest
import skimage
import torch

from datamodules.core.low_resolution import low_resolution
from datamodules.core.order import SampleIndex
from datamodules.embedded import photos
from datamodules.embedded.photos import FILES, SMALLEST, Crops, Photos, photographs
from lightning_cgan.batches import Paired, PairSpec


def at(*epochs_and_places):
    epoch, image = zip(*epochs_and_places, strict=True)
    return SampleIndex(torch.tensor(epoch)[None], torch.tensor(image)[None])


@pytest.fixture
def data():
    """Small photographs, in a run."""
    module = Photos(scale=4, size=48, batch_size=4)
    trainer = SimpleNamespace(
        global_rank=0, world_size=1, global_step=0, max_steps=3, max_epochs=-1, lightning_module=None
    )
    module.trainer = trainer
    return module


def test_the_splits_share_no_photograph_and_keep_the_two_views_of_one_scene_together():
    names = [name for split in FILES.values() for name in split]
    assert len(set(names)) == len(names) == 17
    assert {"motorcycle_left.png", "motorcycle_right.png"} <= set(FILES["train"])


def test_photographs_are_bytes_of_three_channels_and_grey_ones_have_them_equal():
    found = photographs("train")
    assert [f"{name}" for name in found] == [name.partition(".")[0] for name in FILES["train"]]
    for image in found.values():
        assert image.dtype == torch.uint8
        assert image.shape[0] == 3
    assert torch.equal(found["brick"][0], found["brick"][2])
    assert not torch.equal(found["retina"][0], found["retina"][2])
    assert min(min(image.shape[-2:]) for image in found.values()) == SMALLEST


def test_a_crop_is_a_part_of_its_photograph_and_one_draw_decides_it():
    image = torch.arange(30 * 40).view(1, 30, 40)  # every pixel tells its place
    crops = Crops([image], size=16)
    crop = crops.images(at(*((epoch, 0) for epoch in range(40))))
    assert crop.shape == (1, 40, 1, 16, 16)
    mirrored = (crop[0, :, 0, 0, 1] - crop[0, :, 0, 0, 0]) == -1
    assert 5 < mirrored.sum() < 35
    for one, back in zip(crop[0, :, 0], mirrored.tolist(), strict=True):
        plain = one.flip(-1) if back else one
        top, left = divmod(plain[0, 0].item(), 40)
        assert torch.equal(plain, image[0, top : top + 16, left : left + 16])
    assert torch.equal(crop[:, 7:8], crops.images(at((7, 0))))  # whatever was drawn before
    assert len(crop[0, :, 0, 0, 0].unique()) > 30


def test_a_training_pair_is_a_crop_and_its_own_low_resolution(data):
    a, b = data.domains("train")
    where = at((3, 1), (4, 5))
    assert torch.equal(a.images(where), low_resolution(b.images(where), 4))
    (batch, *_) = data.train_dataloader()
    assert isinstance(batch, Paired)
    assert batch.a.shape == (1, 4, 3, 12, 12)
    assert batch.b.shape == (1, 4, 3, 48, 48)
    assert torch.equal(batch.a, low_resolution(batch.b, 4))


def test_an_epoch_has_one_crop_of_each_photograph(data):
    data.batch_size, data.trainer.max_steps = 11, 1
    (position,) = data.training_order(11, "order", longest=11)
    assert sorted(position.image.flatten().tolist()) == list(range(11))


def test_scores_are_measured_on_whole_photographs_one_at_a_time(data):
    batches = list(data.val_dataloader())
    assert [tuple(batch.b.shape) for batch in batches] == [(1, 3, 300, 384), (1, 3, 188, 384), (1, 3, 424, 640)]
    for batch in batches:
        assert torch.equal(batch.a, low_resolution(batch.b, 4))
    assert data.names("val") == ["coins", "page", "rocket"]


def test_a_process_without_a_photograph_left_gets_an_empty_batch(data):
    data.trainer.world_size, data.trainer.global_rank = 2, 1
    assert [len(batch.b) for batch in data.val_dataloader()] == [1, 0]


def test_the_reference_names_the_photographs_and_the_scale():
    (two, four) = (Photos(scale=scale).reference("test") for scale in (2, 4))
    assert two.images == 3
    assert two.sha256 != four.sha256


def test_the_spec_is_known_before_any_photograph_is_read(monkeypatch):
    monkeypatch.setattr(photos, "read", None)
    assert Photos(scale=2, size=64).spec == PairSpec(3, 3, 64, 2)


@pytest.mark.parametrize(
    ("options", "met"), [({"scale": 1}, "2 or more; got 1"), ({"size": 90}, "got 90"), ({"size": 176}, "got 176")]
)
def test_scales_and_sizes_that_cannot_be_are_refused(options, met):
    with pytest.raises(ValueError, match=met):
        Photos(**options)


def test_an_installation_without_the_photographs_is_told_which_and_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(skimage, "__file__", str(tmp_path / "__init__.py"))
    with pytest.raises(ValueError, match=r"has no astronaut.png, chelsea.png, coffee.png. Install the version"):
        photographs("test")
