import pytest
import torch
from lightning.pytorch import Trainer
from PIL import Image

from datamodules.core.order import SampleIndex
from datamodules.embedded.photo_crops import PhotoCrops, PhotoIdentity, Squares, part_of, scenes
from datamodules.embedded.photos import photographs


def at(*places, epoch=0):
    place = torch.tensor([places])
    return SampleIndex(torch.full_like(place, epoch), place)


def test_both_views_of_one_scene_have_one_number():
    assert len(scenes("train")) == len(photographs("train")) - 1
    assert PhotoIdentity().spec.num_classes == 10


def test_squares_follow_the_seed_the_epoch_and_their_place(monkeypatch):
    squares = Squares([[torch.randint(256, (3, 60, 90), dtype=torch.uint8)]], 16, 4)
    one = squares.images(at(0, 1))
    assert one.shape == (1, 2, 3, 16, 16)
    assert torch.equal(one, squares.images(at(0, 1)))
    assert torch.equal(one[:, 1:], squares.images(at(1)))
    assert not torch.equal(one[0, 0], one[0, 1])
    assert not torch.equal(one, squares.images(at(0, 1, epoch=1)))
    monkeypatch.setenv("PL_GLOBAL_SEED", "5")
    assert not torch.equal(one, squares.images(at(0, 1)))
    assert squares.images(SampleIndex(*torch.zeros(2, 0).long())).shape == (0, 3, 16, 16)


def test_a_square_is_never_enlarged_and_at_most_so_much_reduced():
    ramp = torch.arange(200, dtype=torch.uint8).expand(3, 200, 200).contiguous()
    for most, widest in ((1.0, 17), (2.0, 33), (None, 200)):
        crops = Squares([[ramp]], 16, 100, most).images(at(*range(100))).float()
        span = crops.amax((-1, -2, -3)) - crops.amin((-1, -2, -3))
        assert span.min() >= 14
        assert span.max() <= widest
    assert span.max() > 100


def test_patches_that_are_trained_on_share_no_pixel_with_those_that_are_not():
    width = torch.arange(40).expand(3, 30, 40)
    train, val, test = (part_of(width + 40 * torch.arange(30)[:, None], split) for split in ("train", "val", "test"))
    assert train.shape == (3, 30, 30)
    parts = [set(part.flatten().tolist()) for part in (train, val, test)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 1200


def test_evaluation_squares_are_those_of_their_split_in_every_run(monkeypatch):
    before = PhotoCrops(size=16).reference("test")
    monkeypatch.setenv("PL_GLOBAL_SEED", "5")
    data = PhotoCrops(size=16)
    assert data.reference("test") == before
    assert before.images == 12
    assert data.scene("test").tolist() == [0, 1, 2] * 4
    assert data.reference("val").sha256 != before.sha256
    first = data.reference_images("test").at(torch.tensor([0, 3]))
    assert not torch.equal(first[0], first[1])


def test_predict_is_given_the_whole_test_photographs():
    data = PhotoCrops(size=16)
    data.trainer = Trainer(logger=False, barebones=True)
    data.setup("predict")
    batches = list(data.predict_dataloader())
    assert [batch.name for batch in batches] == [["astronaut"], ["chelsea"], ["coffee"]]
    assert [batch.image.shape[-2:] for batch in batches] == [(512, 512), (300, 451), (400, 600)]


@pytest.mark.parametrize(("kind", "size", "most"), [(PhotoCrops, 173, 172), (PhotoIdentity, 85, 84)])
def test_squares_that_do_not_fit_are_refused(kind, size, most):
    kind(size=most)
    with pytest.raises(ValueError, match=rf"a size of 8 to {most} pixels; got {size}. Set data.init_args.size"):
        kind(size=size)


def test_predict_can_be_given_pictures_of_ones_own(tmp_path):
    for name, size in {"a.png": (9, 20), "b/c.jpg": (12, 7)}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("L", size).save(tmp_path / name)
    data = PhotoCrops(size=16, predict_from=str(tmp_path))
    data.trainer = Trainer(logger=False, barebones=True)
    data.setup("predict")
    batches = {batch.name[0]: batch.image.shape for batch in data.predict_dataloader()}
    assert batches == {"a": (1, 3, 20, 9), "b/c": (1, 3, 7, 12)}
    with pytest.raises(ValueError, match=r"got nowhere, which does not exist. Set data.init_args.predict_from"):
        PhotoCrops(size=16, predict_from="nowhere").setup("predict")


def test_squares_to_evaluate_with_are_the_same_in_every_run(monkeypatch):
    seen = []
    for seed in ("0", "1"):
        monkeypatch.setenv("PL_GLOBAL_SEED", seed)
        seen.append([PhotoCrops(size=16, each=1).source(split).images(at(0, 1)) for split in ("val", "train")])
    assert torch.equal(seen[0][0], seen[1][0])
    assert not torch.equal(seen[0][1], seen[1][1])
