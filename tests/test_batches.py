import pytest
import torch

from lightning_cgan.batches import class_labels, to_bytes, to_signed
from lightning_cgan.errors import UserError


def test_every_byte_survives_the_way_to_the_device_and_back():
    levels = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_bytes(to_signed(levels)), levels)
    assert to_signed(levels).min() == -1
    assert to_signed(levels).max() == 1


def test_values_outside_of_the_range_are_clipped():
    assert to_bytes(torch.tensor([-3.0, 3.0])).tolist() == [0, 255]


def test_labels_are_one_class_or_one_each_or_all_in_turn():
    assert class_labels(3, 2, 10).tolist() == [3, 3]
    assert class_labels([3, 1], 2, 10).tolist() == [3, 1]
    assert class_labels(None, 4, 3).tolist() == [0, 1, 2, 0]


@pytest.mark.parametrize("label", [10, -1, [1, 2, 3], [0, 10]])
def test_labels_that_do_not_exist_are_refused(label):
    with pytest.raises(UserError, match="from 0 to 9; got"):
        class_labels(label, 2, 10)
