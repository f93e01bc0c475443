import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from datamodules.splits import held_out, shared_out


def test_the_held_out_part_has_every_class():
    label = torch.arange(500) % 10
    places = held_out(label)
    assert sorted(places["train"] + places["val"]) == list(range(500))
    assert sorted(label[places["val"]].tolist()) == list(range(10))


@given(counts=st.lists(st.integers(3, 30), min_size=1, max_size=4), share=st.floats(0.01, 1 / 3))
def test_every_class_gives_its_share_to_each_split_and_keeps_some(counts, share):
    label = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    places = shared_out(label, ("test", "val"), share)
    assert sorted(places["train"] + places["val"] + places["test"]) == list(range(sum(counts)))
    for split in ("test", "val"):
        assert label[places[split]].bincount().tolist() == [max(1, round(share * count)) for count in counts]
    assert (label[places["train"]].bincount(minlength=len(counts)) > 0).all()


def test_a_test_share_is_the_same_whether_or_not_there_is_a_folder_to_validate_on():
    label = torch.arange(100) % 3
    assert shared_out(label, ("test", "val"), 0.1)["test"] == shared_out(label, ("test",), 0.1)["test"]


@pytest.mark.parametrize("seed", ["0", "1"])
def test_no_seed_of_a_run_moves_an_image_from_one_split_to_another(seed, monkeypatch):
    monkeypatch.setenv("PL_GLOBAL_SEED", seed)
    torch.manual_seed(int(seed))
    assert shared_out(torch.zeros(10), ("val",), 0.2)["val"] == [1, 4]
