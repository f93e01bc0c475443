import pytest
import torch

from lightning_cgan.metrics.paired import cycle_errors

A = torch.tensor([0, 0.5, -0.5, 1], dtype=torch.float64)
RECOVERED = torch.tensor([0.1, 0.25, -0.75, 0.6], dtype=torch.float64)


def test_the_cycle_error_is_the_mean_absolute_difference():
    error = cycle_errors(A.view(1, 1, 2, 2), RECOVERED.view(1, 1, 2, 2))
    assert error.item() == pytest.approx(2.5 / 10, abs=1e-12)  # the loss of weight 10 in the paper's numbers


def test_each_image_has_its_own_and_what_returned_unchanged_has_none():
    image = torch.stack([A, A]).view(2, 1, 2, 2)
    error = cycle_errors(image, torch.stack([A, -A]).view(2, 1, 2, 2))
    assert error.tolist() == [0, 1]
    assert cycle_errors(image[:0], image[:0]).shape == (0,)
