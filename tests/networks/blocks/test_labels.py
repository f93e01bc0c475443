import pytest
import torch

from lightning_cgan.errors import UserError
from lightning_cgan.networks.blocks.labels import joined


def test_a_label_becomes_planes_of_ones_and_zeros_after_the_input():
    x, label = torch.randn(2, 1, 2, 3, dtype=torch.float64), torch.tensor([2, 0])
    out = joined(x, label, 3)
    assert out.dtype == x.dtype
    assert torch.equal(out[:, :1], x)
    assert torch.equal(out[:, 1:].amax((2, 3)), out[:, 1:].amin((2, 3)))
    assert out[:, 1:, 0, 0].tolist() == [[0, 0, 1], [1, 0, 0]]
    assert joined(x[:, :, 0, 0], label, 3)[:, 1:].tolist() == [[0, 0, 1], [1, 0, 0]]


def test_without_classes_the_input_is_left_as_it_is_and_with_them_a_label_is_needed():
    x = torch.randn(2, 4)
    assert joined(x, torch.tensor([0, 1]), 0) is x
    with pytest.raises(UserError, match=r"got none. Set model.class_path"):
        joined(x, None, 3)
