import hashlib
import tracemalloc

import pytest
import torch

from datamodules.core.augment import Augmented, plain
from datamodules.core.order import SampleIndex
from datamodules.core.sources import ConcatSource, InMemory
from datamodules.embedded.digits import Digits
from datamodules.views.semi_supervised import SemiLabelled
from lightning_cgan.protocol import Protocol


def numbered(first, last):
    number = torch.arange(first, last)
    return InMemory(number.to(torch.uint8)[:, None, None, None], number % 3)


def at(*places):
    place = torch.tensor(places, dtype=torch.int64)
    return SampleIndex(torch.zeros_like(place), place)


@pytest.fixture
def joined():
    return ConcatSource(numbered(0, 4), numbered(10, 13))


def test_joined_sets_follow_each_other_and_keep_their_labels(joined):
    assert joined.label.tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert joined.images(at(*range(7))).flatten().tolist() == [0, 1, 2, 3, 10, 11, 12]


def test_any_order_and_shape_of_places_is_answered_in_that_order(joined):
    assert joined.images(at(6, 0, 4, 0)).flatten().tolist() == [12, 0, 10, 0]
    assert joined.at(torch.tensor([[5, 1], [0, 4]])).flatten(2).tolist() == [[[11], [1]], [[0], [10]]]
    assert joined.images(at()).shape == (0, 1, 1, 1)


def test_a_draw_of_so_many_is_the_same_each_time_and_keeps_the_order():
    first, second = (ConcatSource(numbered(0, 100), most=30) for _ in range(2))
    values = first.images(at(*range(30))).flatten()
    assert torch.equal(values, second.images(at(*range(30))).flatten())
    assert values.tolist() == sorted(set(values.tolist()))
    assert torch.equal(first.label, values % 3)


def test_the_hash_tells_other_images_apart_and_that_of_one_whole_set_is_its_own(joined):
    one = numbered(0, 100)
    assert ConcatSource(one).sha256() == ConcatSource(one, most=100).sha256() == one.sha256()
    assert (
        len({joined.sha256(), one.sha256(), ConcatSource(one, most=30).sha256(), ConcatSource(one, most=31).sha256()})
        == 4
    )


def test_without_augmentation_a_set_is_what_it_was():
    one = numbered(0, 5)
    assert plain(Augmented(one, lambda image, draw: 255 - image)) is one
    assert plain(one) is one


@pytest.mark.parametrize(
    ("protocol", "split", "reals", "fakes"),
    [("OWN", "test", 500, 41), ("PAPERS", "test", 500, 5_000), ("MIMICRY", "train+val", 1_297, 50_000)],
)
def test_a_protocol_says_what_the_test_measures_against(protocol, split, reals, fakes):
    data = Digits(protocol=Protocol[protocol], test_fakes=41, validation_fakes=7)
    assert data.reference("test")[:2] == (split, reals)
    assert (data.fakes["test"], data.fakes["val"]) == (fakes, 7)
    assert data.reference("val") == Digits().reference("val")


def test_a_view_with_few_labels_is_measured_as_its_set_is():
    semi = SemiLabelled(Digits(size=8, protocol=Protocol.PAPERS), labels_per_class=3)
    assert semi.protocol is Protocol.PAPERS
    assert torch.equal(semi.reference_images("train", 20).label, semi.data.reference_images("train", 20).label)


def test_constants_of_the_conventions_are_the_published_ones():
    """Ten splits (Salimans et al. 2016); three and five neighbours (Kynkäänniemi et al. 2019, Naeem et al. 2020)."""
    own, papers, mimicry, studiogan = (Protocol[name].value for name in ("OWN", "PAPERS", "MIMICRY", "STUDIOGAN"))
    assert own == (None, None, None, 10, 3, 5, 0, 1_000, None)
    assert papers == own._replace(split="test", fakes=5_000, inception_splits=1)
    assert mimicry == ("train+val", 50_000, 50_000, 10, 3, 5, 10, 5_000, None)
    assert studiogan == ("train+val", None, 50_000, 1, 5, 5, 0, 1_000, "PIL bilinear to 299x299")


def test_papers_has_as_many_images_in_an_inception_split_as_ten_splits_of_50_000_have():
    papers = Protocol.PAPERS.value
    assert papers.fakes / papers.inception_splits == 50_000 / 10


def test_images_are_hashed_where_they_lie():
    large = InMemory(torch.arange(200).to(torch.uint8).repeat(100, 100).view(-1, 1, 10, 10), torch.arange(20_000))
    expected = hashlib.sha256(large.image.numpy().tobytes() + large.label.numpy().tobytes()).hexdigest()
    tracemalloc.start()
    try:
        assert large.sha256() == expected
        assert tracemalloc.get_traced_memory()[1] < large.image.numel() / 2
    finally:
        tracemalloc.stop()


def test_a_draw_of_so_many_real_images_follows_the_protocol_and_not_the_seed_of_the_run(monkeypatch):
    monkeypatch.setattr(Protocol.MIMICRY, "_value_", Protocol.MIMICRY.value._replace(reals=50))
    drawn = []
    for seed in ("0", "1"):
        monkeypatch.setenv("PL_GLOBAL_SEED", seed)
        drawn.append(Digits(protocol=Protocol.MIMICRY).reference("test"))
    assert drawn[0].images == 50
    assert drawn[0] == drawn[1]
    source = Digits(protocol=Protocol.MIMICRY).eval_source("test")
    monkeypatch.setenv("PL_GLOBAL_SEED", "0")
    assert torch.equal(source.indices, Digits(protocol=Protocol.MIMICRY).eval_source("test").indices)
