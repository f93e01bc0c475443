import pytest
import torch
from torch import tensor

from lightning_cgan.losses.cycle import cycle_loss, identity_loss
from lightning_cgan.losses.least_squares import (
    discriminator_least_squares,
    generator_least_squares,
    generator_least_squares_undivided,
)

double = torch.float64
A, B = tensor([0, 0.5, -0.5, 1], dtype=double), tensor([0.2, -0.2, 0.4, -0.4], dtype=double)
RECOVERED_A, RECOVERED_B = tensor([0.1, 0.25, -0.75, 0.6], dtype=double), tensor([0, -0.1, 0.5, -0.8], dtype=double)
KEPT_A, KEPT_B = tensor([0, 0.4, -0.5, 0.8], dtype=double), tensor([0.3, -0.2, 0.2, -0.4], dtype=double)
OF_FAKE_B, OF_FAKE_A = tensor([0.2, 0.6], dtype=double), tensor([-0.1, 0.4], dtype=double)
REAL, FAKE = tensor([[0.5, -1], [2, 0]], dtype=double), tensor([[-0.5, 1], [-2, 0.25]], dtype=double)


@pytest.mark.parametrize(
    ("loss", "value"),
    [
        (10 * cycle_loss(A, RECOVERED_A), 2.5),
        (10 * cycle_loss(B, RECOVERED_B), 2.0),
        (5 * identity_loss(B, KEPT_B), 0.375),
        (5 * identity_loss(A, KEPT_A), 0.375),
        (generator_least_squares_undivided(OF_FAKE_B), 0.4),
        (generator_least_squares_undivided(OF_FAKE_A), 0.785),
        (generator_least_squares_undivided(FAKE), 2.953125),
        (discriminator_least_squares(REAL, FAKE), 1.4453125),
        (generator_least_squares(FAKE), 2.953125 / 2),
    ],
)
def test_losses_have_the_values_of_the_test_vectors(loss, value):
    assert loss.item() == pytest.approx(value, abs=1e-9)


def test_the_generators_whole_loss_is_that_of_the_test_vector():
    adversarial = generator_least_squares_undivided(OF_FAKE_B) + generator_least_squares_undivided(OF_FAKE_A)
    cycles = cycle_loss(A, RECOVERED_A) + cycle_loss(B, RECOVERED_B)
    identities = identity_loss(A, KEPT_A) + identity_loss(B, KEPT_B)
    assert (adversarial + 10 * cycles + 5 * identities).item() == pytest.approx(6.435, abs=1e-9)
