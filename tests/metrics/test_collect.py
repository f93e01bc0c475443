import math

import pytest
import torch

from lightning_cgan.contract import Evaluated, to_signed
from lightning_cgan.metrics import collect
from lightning_cgan.metrics.collect import Pass, Rows
from tests.metrics.pixels import CPU, Pixels, scored


def bytes_of(count, seed=0):
    stream = torch.Generator().manual_seed(seed)
    return torch.randint(256, (count, 1, 2, 2), dtype=torch.uint8, generator=stream)


def test_each_image_is_looked_at_once():
    scores = scored(bytes_of(30), bytes_of(30))
    scores.gather(CPU, 1)
    assert scores.extractor.seen == 60


def test_an_empty_batch_adds_nothing():
    scores = scored(bytes_of(10), bytes_of(10))
    scores.add(9, Evaluated(torch.empty(0, 1, 2, 2), torch.empty(0, 1, 2, 2)))
    assert len(scores.gather(CPU, 1).fake) == 10


def test_scores_are_of_the_bytes_a_picture_would_hold():
    scores = Pass(Pixels())
    scores.add(0, Evaluated(torch.zeros(1, 1, 1, 2), torch.tensor([[[[0.001, 7.0]]]])))
    assert scores.gather(CPU, 1).fake.tolist() == [[128, 255]]


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_images_of_any_float_type_are_read_as_what_they_say(kind):
    image = to_signed(bytes_of(20)).to(kind)
    scores = Pass(Pixels())
    scores.add(0, Evaluated(image, image))
    expected = (image.double() * 127.5 + 127.5).round().flatten(1)
    assert torch.equal(scores.gather(CPU, 1).fake.double(), expected)


def test_one_pixel_that_is_no_number_is_noticed():
    scores = scored(bytes_of(10), bytes_of(10))
    assert scored(bytes_of(10), bytes_of(10)).gather(CPU, 1).finite
    scores.add(9, Evaluated(torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), math.inf)))
    assert not scores.gather(CPU, 1).finite


def test_real_images_whose_features_are_known_are_not_looked_at():
    real, fake = bytes_of(30, 1), bytes_of(30)
    fresh = scored(fake, real)
    kept = scored(fake, real, known=real.flatten(1).float())
    for a, b in zip(fresh.gather(CPU, 1), kept.gather(CPU, 1), strict=True):
        assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b
    assert (fresh.extractor.seen, kept.extractor.seen) == (60, 30)


def test_kept_features_of_other_images_are_refused():
    scores = scored(bytes_of(30), bytes_of(30), known=torch.zeros(29, 4))
    with pytest.raises(ValueError, match=r"met 29 for 30 images. Delete the file of kept features."):
        scores.gather(CPU, 1)


def test_rows_come_out_as_they_went_in_and_are_not_held_twice(monkeypatch):
    monkeypatch.setattr(collect, "BLOCK_BYTES", 100)
    rows, given = Rows(), torch.arange(90.0).view(30, 3)
    for part in given.split([1, 0, 7, 20, 2]):
        rows.append(part)
    blocks = rows.pour()
    first = next(blocks)
    assert len(first) == rows.height == 9
    assert sum(map(len, rows.blocks)) <= 30 - 9 + rows.height
    assert torch.equal(torch.cat([first, *blocks]), given)
    assert not rows.blocks


@pytest.mark.parametrize("world", [2, 3])
def test_the_shards_of_many_processes_are_put_together_without_padding(world):
    """Every process' part of each table is placed where one process would have it; counts do not divide."""
    batch = torch.arange(11).repeat_interleave(3)[:31]  # batch of each image; the last is not full
    shards = []
    for rank in range(world):
        rows = Rows()
        rows.append((batch[batch % world == rank] - rank) // world)
        shards.append(rows)
    number = torch.cat([torch.cat([rows.none, *rows.pour()]) * world + rank for rank, rows in enumerate(shards)])
    place = collect.placed(number)
    image = torch.cat([torch.arange(31)[batch % world == rank] for rank in range(world)])
    whole = torch.full((31,), -1)
    whole[place] = image
    assert torch.equal(whole, torch.arange(31))
