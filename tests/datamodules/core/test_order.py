import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from datamodules.core.order import EvaluationOrder, TrainingOrder, balanced_latents


def stream(order, updates):
    """All positions of ``updates`` updates in the order of the stream."""
    parts = [order.positions(update) for update in range(updates)]
    return torch.cat([p.epoch.flatten() for p in parts]), torch.cat([p.image.flatten() for p in parts])


@given(count=st.integers(1, 40), batch=st.integers(1, 9), critic=st.integers(1, 4))
def test_every_image_is_seen_once_in_every_epoch(count, batch, critic):
    updates = -(-3 * count // (batch * critic))
    epoch, index = stream(TrainingOrder(count, (critic, batch)), updates)
    for number in range(3):
        assert sorted(index[epoch == number].tolist()) == list(range(count))
    assert epoch.tolist() == sorted(epoch.tolist())


@given(count=st.integers(1, 40), share=st.integers(1, 4), world=st.integers(1, 4), critic=st.integers(1, 3))
def test_processes_share_the_batches_of_one(count, share, world, critic):
    batch = share * world
    whole = TrainingOrder(count, (critic, batch)).positions(5)
    shards = [TrainingOrder(count, (critic, batch), rank=rank, world=world).positions(5) for rank in range(world)]
    for place in range(batch):
        shard = shards[place % world]
        assert torch.equal(shard.image[:, place // world], whole.image[:, place])
        assert torch.equal(shard.epoch[:, place // world], whole.epoch[:, place])


def test_the_number_of_batches_and_their_size_may_change_with_the_update():
    shapes = [(3, 2), (1, 4), (1, 4), (2, 1)]
    parts = list(TrainingOrder(100, shapes.__getitem__, updates=4))
    assert [tuple(part.image.shape) for part in parts] == shapes
    seen = torch.cat([part.image.flatten() for part in parts])
    assert len(seen.unique()) == len(seen) == 16
    late = list(TrainingOrder(100, shapes.__getitem__, start=lambda: 2, updates=2))
    assert torch.equal(late[1].image, parts[3].image)


@given(start=st.integers(0, 30))
def test_beginning_anywhere_gives_the_rest_of_the_same_stream(start):
    whole = list(TrainingOrder(17, (2, 4), updates=40))
    rest = list(TrainingOrder(17, (2, 4), start=lambda: start, updates=40 - start))
    for one, other in zip(whole[start:], rest, strict=True):
        assert torch.equal(one.image, other.image)
        assert torch.equal(one.epoch, other.epoch)


def test_epochs_and_seeds_are_shuffled_differently(monkeypatch):
    epoch, index = stream(TrainingOrder(50, (1, 50)), 2)
    assert index[epoch == 0].tolist() != index[epoch == 1].tolist()
    monkeypatch.setenv("PL_GLOBAL_SEED", "1")
    assert stream(TrainingOrder(50, (1, 50)), 1)[1].tolist() != index[:50].tolist()


def test_a_batch_that_cannot_be_shared_is_refused():
    with pytest.raises(ValueError, match=r"images for 3 processes. Set data.init_args.batch_size"):
        TrainingOrder(10, (1, 4), world=3)


@given(reals=st.integers(0, 60), fakes=st.integers(1, 60), batch=st.integers(1, 13), world=st.integers(1, 5))
def test_an_evaluation_sees_everything_once_in_equally_many_batches(reals, fakes, batch, world):
    shards = [list(EvaluationOrder(reals, fakes, batch, rank, world)) for rank in range(world)]
    assert len({len(shard) for shard in shards}) == 1
    assert sorted(place for shard in shards for part in shard for place in part.real) == list(range(reals))
    assert sorted(place for shard in shards for part in shard for place in part.fake) == list(range(fakes))
    assert max(len(span) for shard in shards for part in shard for span in part) <= batch


@given(reals=st.integers(1, 60), fakes=st.integers(1, 60), batch=st.integers(1, 13), world=st.integers(2, 5))
def test_batches_of_an_evaluation_do_not_depend_on_the_number_of_processes(reals, fakes, batch, world):
    one = list(EvaluationOrder(reals, fakes, batch))
    for rank in range(world):
        for number, part in enumerate(EvaluationOrder(reals, fakes, batch, rank, world)):
            place = number * world + rank
            assert part == one[place] if place < len(one) else not any(map(len, part))


def test_draws_ask_for_every_class_equally():
    assert balanced_latents(range(3, 8), 3).label.tolist() == [0, 1, 2, 0, 1]
    assert balanced_latents(range(3, 8), 3).noise_id.tolist() == [3, 4, 5, 6, 7]
    assert balanced_latents(range(4), 10, [3, 7]).label.tolist() == [3, 7, 3, 7]
    assert balanced_latents(range(2), 0).label.tolist() == [0, 0]


def test_labels_and_noise_of_a_batch_are_those_of_their_places_in_the_evaluation():
    whole, part = balanced_latents(range(25), 10), balanced_latents(range(13, 25), 10)
    assert whole.noise_id.tolist() == list(range(25))
    assert whole.label.tolist() == [number % 10 for number in range(25)]
    assert all(torch.equal(one[13:], other) for one, other in zip(whole, part, strict=True))
