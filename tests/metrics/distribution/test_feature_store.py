import math
import multiprocessing

import pytest
import torch
from torch import distributed

from lightning_cgan.batches import EvalOutput, to_signed
from lightning_cgan.callbacks.scores.generated_images import GeneratedImageBuffer
from lightning_cgan.metrics.distribution import feature_store as collect
from lightning_cgan.metrics.distribution.feature_store import FeatureAccumulator, Rows
from tests.conftest import same
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
    scores.add(9, EvalOutput(torch.empty(0, 1, 2, 2), torch.empty(0, 1, 2, 2)))
    assert len(scores.gather(CPU, 1).fake) == 10


def test_tables_without_columns_are_collected_too():
    """An extractor that knows no classes gives logits of none."""
    rows = Rows()
    rows.append(torch.empty(3, 0))
    assert [tuple(block.shape) for block in rows.pour()] == [(3, 0)]


def test_the_extractor_is_given_exactly_the_rounded_bytes_of_all_images():
    levels = torch.arange(256, dtype=torch.uint8).view(2, 1, 8, 16)
    for offset in (-0.4, 0.0, 0.4):
        near = to_signed(levels) + offset / 127.5
        store, buffer = FeatureAccumulator(Pixels()), GeneratedImageBuffer(None)
        store.add(0, EvalOutput(near, near.flip(0)))
        buffer.add(0, near.flip(0), 1)
        found = store.gather(CPU, 1)
        assert torch.equal(found.real.byte(), levels.flatten(1))
        assert torch.equal(found.fake.byte(), levels.flip(0).flatten(1))
        assert torch.equal(buffer.gather(CPU, 0, 1), levels.flip(0))


def test_scores_are_of_the_bytes_a_picture_would_hold():
    scores = FeatureAccumulator(Pixels())
    scores.add(0, EvalOutput(torch.zeros(1, 1, 1, 2), torch.tensor([[[[0.001, 7.0]]]])))
    assert scores.gather(CPU, 1).fake.tolist() == [[128, 255]]


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_images_of_any_float_type_are_read_as_what_they_say(kind):
    image = to_signed(bytes_of(20)).to(kind)
    scores = FeatureAccumulator(Pixels())
    scores.add(0, EvalOutput(image, image))
    expected = (image.double() * 127.5 + 127.5).round().flatten(1)
    assert torch.equal(scores.gather(CPU, 1).fake.double(), expected)


def test_one_pixel_that_is_no_number_is_noticed():
    scores = scored(bytes_of(10), bytes_of(10))
    assert scored(bytes_of(10), bytes_of(10)).gather(CPU, 1).finite
    scores.add(9, EvalOutput(torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), math.inf)))
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
    with pytest.raises(ValueError, match=r"got 29 for 30 images. Delete the file of cached features."):
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


def part_of_the_whole(rank, world, folder):
    """What process ``rank`` does: its share of 11 batches of 3, the last one short and one without real images."""
    real, fake = bytes_of(33, 1), bytes_of(31)
    scores = FeatureAccumulator(Pixels())
    for number, place in enumerate(torch.arange(31).split(3)):
        if number % world == rank:
            reals = place[:0] if number == 4 else place
            outputs = EvalOutput(to_signed(real[reals]), to_signed(fake[place]), place % 10, target=reals % 7)
            scores.add(number // world, outputs._replace(prediction=reals % 3))
    if world > 1:
        distributed.init_process_group("gloo", f"file://{folder}/meeting{world}", rank=rank, world_size=world)
    torch.save(tuple(scores.gather(CPU, world)), f"{folder}/{world}-{rank}.pt")


def test_processes_that_share_an_evaluation_gather_what_one_would_to_the_last_bit(tmp_path, monkeypatch):
    monkeypatch.setattr(collect, "BLOCK_BYTES", 100)  # blocks of 6 rows and of 12: tables take turns of many lengths
    for world in (1, 2, 3):
        fork = multiprocessing.get_context("fork")
        processes = [fork.Process(target=part_of_the_whole, args=(rank, world, tmp_path)) for rank in range(world)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(60)
            assert process.exitcode == 0
    one, *others = [
        torch.load(tmp_path / name) for name in ("1-0.pt", "2-0.pt", "2-1.pt", "3-0.pt", "3-1.pt", "3-2.pt")
    ]
    assert (len(one[0]), len(one[1]), len(one[5])) == (28, 31, 28)
    assert all(same(one, other) for other in others)
