import hashlib

import numpy as np
import pytest
import torch
from PIL import Image

from datamodules.core.order import SampleIndex
from datamodules.folders.paired import PairedFolder
from datamodules.translation import Direction
from lightning_cgan.batches import Paired, PairSpec
from tests.datamodules.sets import put_picture, random_bytes, write_pairs
from tests.translation import Negative, trainer

HELD_OUT = "{} (held out by name, a share of about 0.2)"
WAYS = ("joined", "train/A", "trainA", "A/train")


def at(*places, epoch=0):
    place = torch.tensor(places, dtype=torch.int64)
    return SampleIndex(torch.full_like(place, epoch), place)


def folder(root, **options):
    return PairedFolder(str(root), **{"size": 16, "load_size": 18, "num_workers": 0, **options})


def read(data, split, epoch=0):
    """All of both domains of a split."""
    return [side.images(at(*range(len(side.label)), epoch=epoch)) for side in data.domains(split)]


@pytest.mark.parametrize("way", WAYS)
def test_the_spec_is_known_before_any_picture_is_read_and_every_layout_is_found(tmp_path, way):
    data = folder(tmp_path, channels_b=1)
    assert data.spec == PairSpec(3, 1, 16)
    write_pairs(tmp_path, way=way)
    assert {split: len(data.domains(split)[0].label) for split in ("train", "val", "test")} == {
        "train": 6,
        "val": 2,
        "test": 2,
    }
    assert data.domains("val")[1].images(at(0)).shape == (1, 1, 16, 16)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("resize", ["squash", "short_side", "none"])
def test_both_pictures_of_a_pair_are_cut_and_mirrored_by_one_draw(tmp_path, way, resize):
    options = {} if resize != "none" else {"load_size": None}
    data = folder(write_pairs(tmp_path, way=way), resize=resize, **options)
    for epoch in range(3):
        a, b = read(data, "train", epoch)
        assert a.shape == b.shape == (6, 3, 16, 16)
        assert (a.int() + b.int() - 255).abs().max() <= 1  # b is the negative of a, up to rounding
    assert not torch.equal(read(data, "train", 0)[0], read(data, "train", 1)[0])


def test_side_by_side_is_split_before_it_is_resized(tmp_path):
    joined = np.zeros((20, 48, 3), np.uint8)
    joined[:, 24:] = 255  # a black, b white: no grey may come over the seam
    for split in ("train", "val", "test"):
        put_picture(tmp_path / split / "x.png", joined)
    a, b = read(folder(tmp_path), "train")
    assert (a.unique().tolist(), b.unique().tolist()) == ([0], [255])


def test_training_squares_come_from_everywhere_and_are_mirrored_half_of_the_time(tmp_path):
    ramp = np.tile(np.arange(18, dtype=np.uint8)[None, :, None], (18, 1, 3)) * 10
    ramp[..., 1] = ramp[..., 0].T
    for split in ("train", "val", "test"):
        put_picture(tmp_path / split / "x.png", np.concatenate([ramp, ramp], 1))
    train, _ = folder(tmp_path).domains("train")
    corners = [train.images(at(0, epoch=epoch))[0, :2, 0] // 10 for epoch in range(100)]
    mirrored = [int(row[0, 0] > row[0, -1]) for row in corners]
    places = {(int(row[0].min()), int(row[1, 0])) for row in corners}
    assert places == {(x, y) for x in range(3) for y in range(3)}
    assert 30 <= sum(mirrored) <= 70
    still, _ = folder(tmp_path, flip=False).domains("train")
    assert all(int(row[0]) < int(row[-1]) for row in (still.images(at(0, epoch=e))[0, 0, 0] for e in range(20)))


def test_what_is_measured_is_the_whole_picture_at_the_size_asked_for(tmp_path):
    data = folder(write_pairs(tmp_path, size=(16, 16)))
    written = np.asarray(Image.open(tmp_path / "val" / "0.png"))
    a, b = (side[0].permute(1, 2, 0).numpy() for side in read(data, "val"))
    assert np.array_equal(np.concatenate([a, b], 1), written)
    assert [side.shape for side in read(folder(tmp_path, size=8, load_size=9), "val")] == [(2, 3, 8, 8)] * 2


def test_a_kept_shape_is_measured_in_the_square_of_its_centre(tmp_path):
    data = folder(write_pairs(tmp_path, size=(32, 16)), resize="short_side")
    written = np.asarray(Image.open(tmp_path / "val" / "0.png"))
    assert np.array_equal(read(data, "val")[0][0].permute(1, 2, 0).numpy(), written[:, 8:24])


def test_native_sizes_are_measured_one_by_one(tmp_path):
    write_pairs(tmp_path, {"train": 3, "val": 1})
    for number, width in enumerate((30, 40, 50)):
        put_picture(tmp_path / "test" / f"{number}.png", random_bytes(number, 20 + number, 2 * width, 3))
    data = folder(tmp_path, keep_size=True, evaluation_batch_size=10)
    module = Negative()
    module.test_step = lambda batch, batch_idx: module.evaluated.append(batch)
    trainer(tmp_path).test(module, data, verbose=False)
    assert [batch.a.shape for batch in module.evaluated] == [(1, 3, 20, 30), (1, 3, 21, 40), (1, 3, 22, 50)]
    assert read(data, "train")[0].shape == (3, 3, 16, 16)


def test_a_run_trains_on_pairs_in_the_direction_asked_for(tmp_path):
    data = folder(write_pairs(tmp_path, way="trainA"), channels_b=1, direction=Direction.b_to_a, batch_size=2)
    module = Negative()
    trainer(tmp_path, max_epochs=1, limit_train_batches=2, limit_val_batches=0).fit(module, data)
    assert data.spec == PairSpec(1, 3, 16, reversed=True)
    assert all(isinstance(batch, Paired) for batch in module.trained)
    assert [(batch.a.shape, batch.b.shape) for batch in module.trained] == [((1, 2, 1, 16, 16), (1, 2, 3, 16, 16))] * 2
    assert all(-1 <= float(batch.a.min()) < float(batch.a.max()) <= 1 for batch in module.trained)


def test_jitter_changes_both_pictures_alike_and_keeps_black_black(tmp_path):
    grey = np.full((18, 36, 3), 100, np.uint8)
    grey[:3] = 0
    for split in ("train", "val", "test"):
        put_picture(tmp_path / split / "x.png", grey)
    plain, changed = folder(tmp_path), folder(tmp_path, jitter=0.5)
    lights = []
    for epoch in range(8):
        a, b = read(changed, "train", epoch)
        assert torch.equal(a, b)
        lights.append(int(a.max()))
    assert len(set(lights)) > 4
    assert 20 < min(lights) < 100 < max(lights) < 255
    assert torch.equal(read(plain, "val")[0], read(changed, "val")[0])
    assert read(plain, "train")[0].unique().tolist()[-1] == 100


@pytest.mark.parametrize(
    ("there", "homes", "said"),
    [
        (("train", "val", "test"), ("train", "val", "test"), ("val", "test")),
        (("train", "val"), ("train", "train", "val"), (HELD_OUT.format("val"), "test (the pictures of val)")),
        (("train", "test"), ("train", "train", "test"), (HELD_OUT.format("val"), "test")),
        (("train",), ("train", "train", "train"), map(HELD_OUT.format, ("val", "test"))),
    ],
)
def test_the_rule_for_missing_splits_is_kept_and_the_card_tells_it(tmp_path, there, homes, said):
    data = folder(write_pairs(tmp_path, dict.fromkeys(there, 10)), share=0.2)
    paths = {split: list(data.eval_sources(split)[0].path) for split in ("train", "val", "test")}
    assert tuple(path.split("/")[-2] for path in (paths[s][0] for s in paths)) == homes
    assert len(set().union(*paths.values())) == sum(map(len, paths.values())) == 10 * len(there)
    assert [data.reference(split).split for split in ("val", "test")] == list(said)
    again = folder(tmp_path, share=0.2)
    assert [again.reference(split) for split in paths] == [data.reference(split) for split in paths]


def test_the_reference_changes_with_what_is_read_and_how(tmp_path):
    write_pairs(tmp_path)
    one = folder(tmp_path).reference("test")
    assert (one.split, one.images) == ("test", 2)
    others = [folder(tmp_path, **changed) for changed in ({"size": 8}, {"keep_size": True}, {"channels_a": 1})]
    assert len({one.sha256, *(other.reference("test").sha256 for other in others)}) == 4
    assert folder(tmp_path, flip=False, jitter=0.3, load_size=20).reference("test") == one  # none of the measured
    put_picture(tmp_path / "test" / "0.png", random_bytes(9, 20, 48, 3))
    assert folder(tmp_path).reference("test").sha256 != one.sha256
    assert len(bytes.fromhex(one.sha256)) == hashlib.sha256().digest_size


def test_a_size_before_the_cut_is_286_for_each_256(tmp_path):
    assert {size: PairedFolder(str(tmp_path), size=size).load_size for size in (256, 128, 64)} == {
        256: 286,
        128: 143,
        64: 72,
    }
