import os
import unicodedata

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from datamodules.core.splits import held_out, held_out_by_name, number_of

SHARES = st.floats(0.01, 1 / 3)
SPLITS = st.sampled_from([("test", "val"), ("test",), ("val",)])
NAMES = st.lists(st.integers(0, 10_000).map("class/{}".format), min_size=3, max_size=40, unique=True)


def parts(names, splits=("test", "val"), share=0.1):
    """The names in each split, all of one class."""
    places = held_out_by_name(names, torch.zeros(len(names)), splits, share)
    return {split: {names[place] for place in each} for split, each in places.items()}


def is_tiny(names, splits, share):
    """Whether a class is so small that images are held out, or trained on, whatever their own numbers say."""
    numbers = [number_of(name, "held out") for name in names]
    low, high = (sum(n < share for n in numbers), sum(n >= 1 - share for n in numbers))
    held = low * ("test" in splits) + high * ("val" in splits)
    return held >= len(names) or ("test" in splits and not low) or ("val" in splits and not high)


def test_the_held_out_part_of_a_published_set_has_every_class():
    label = torch.arange(500) % 10
    places = held_out(label)
    assert sorted(places["train"] + places["val"]) == list(range(500))
    assert sorted(label[places["val"]].tolist()) == list(range(10))


@given(counts=st.lists(st.integers(3, 30), min_size=1, max_size=4), share=SHARES)
def test_every_class_gives_one_image_at_least_to_each_split_and_keeps_one(counts, share):
    label = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    names = [f"{one}/{place}" for place, one in enumerate(label.tolist())]
    places = held_out_by_name(names, label, ("test", "val"), share)
    assert sorted(places["train"] + places["val"] + places["test"]) == list(range(sum(counts)))
    for split in ("train", "test", "val"):
        assert (label[places[split]].bincount(minlength=len(counts)) > 0).all()


def test_the_share_that_is_held_out_is_the_one_that_was_asked_for_on_average():
    held = parts([f"{number}.jpg" for number in range(4_000)], share=0.1)
    assert abs(len(held["test"]) - 400) < 60
    assert abs(len(held["val"]) - 400) < 60


@given(names=NAMES, new=NAMES, splits=SPLITS, share=SHARES)
def test_images_that_come_put_none_that_was_trained_on_among_those_held_out(names, new, splits, share):
    before, after = parts(names, splits, share), parts(list({*names, *new}), splits, share)
    numbers = [number_of(name, "held out") for name in names]
    low = max(sum(n < share for n in numbers), 1) * ("test" in splits)
    high = max(sum(n >= 1 - share for n in numbers), 1) * ("val" in splits)
    if low + high < len(names):  # or nothing would be left to train on
        assert not before["train"] - after["train"]


@given(names=NAMES, gone=st.integers(1, 10), splits=SPLITS, share=SHARES)
def test_images_that_go_put_none_that_was_trained_on_among_those_held_out_unless_a_class_gets_tiny(
    names, gone, splits, share
):
    left = names[gone:]
    if len(left) > len(splits) and not is_tiny(left, splits, share):
        before, after = parts(names, splits, share), parts(left, splits, share)
        for split in splits:
            assert not before["train"] & after[split]


def test_of_many_images_none_changes_sides_when_one_comes_or_goes():
    names = [f"{number:03d}" for number in range(200)]
    whole = parts(names)
    for gone in range(0, 200, 7):
        left = parts(names[:gone] + names[gone + 1 :])
        assert all(left[split] == whole[split] - {names[gone]} for split in whole)


def test_a_test_share_is_the_same_whether_or_not_there_is_a_folder_to_validate_on():
    names = [f"{number}" for number in range(100)]
    assert parts(names)["test"] == parts(names, ("test",))["test"]
    assert parts(names)["val"] == parts(names, ("val",))["val"]


def test_a_larger_share_holds_out_the_same_and_more():
    names = [f"{number}" for number in range(300)]
    for split in ("test", "val"):
        assert parts(names, share=0.1)[split] < parts(names, share=0.2)[split]


@pytest.mark.parametrize("seed", ["0", "1"])
def test_no_seed_of_a_run_moves_an_image_from_one_split_to_another(seed, monkeypatch):
    monkeypatch.setenv("PL_GLOBAL_SEED", seed)
    torch.manual_seed(int(seed))
    assert parts([f"{number}" for number in range(30)], ("val",), 0.2)["val"] == {"10", "15", "20", "29"}


def test_a_name_is_one_however_its_accents_are_encoded_and_bytes_that_are_no_text_are_names_too():
    assert number_of("é", "x") == number_of(unicodedata.normalize("NFD", "é"), "x")
    assert 0 <= number_of(os.fsdecode(b"\xff\xfe"), "x") < 1
    assert number_of("a", "x") != number_of("a", "y")
