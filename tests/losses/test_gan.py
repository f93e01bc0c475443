import pytest
import torch
from torch import tensor

from lightning_cgan.losses.gan import discriminator_loss, minimax, non_saturating
from lightning_cgan.losses.hinge import discriminator_hinge, generator_hinge
from lightning_cgan.losses.least_squares import discriminator_least_squares, generator_least_squares
from lightning_cgan.losses.objectives import Objective
from lightning_cgan.losses.wasserstein import critic_loss, drift, generator_loss

REAL = tensor([1.5, -0.25, 0.5, 2.0], dtype=torch.float64)
FAKE = tensor([-1.25, 0.75, -0.5, 0.0], dtype=torch.float64)


@pytest.mark.parametrize(
    ("loss", "value"),
    [
        (discriminator_loss(REAL, FAKE), 1.0460954863),
        (discriminator_loss(REAL, FAKE, smooth=0.9), 1.1398454863),
        (non_saturating(FAKE), 0.8890060631),
        (minimax(FAKE), -0.6390060631),
        (discriminator_hinge(REAL, FAKE), 1.25),
        (generator_hinge(FAKE), 0.25),
        (critic_loss(REAL, FAKE), -1.1875),
        (generator_loss(FAKE), 0.25),
        (0.001 * drift(REAL), 0.0016406250),
        (discriminator_least_squares(REAL, FAKE), 0.6796875),
        (generator_least_squares(FAKE), 1.046875),
    ],
)
def test_losses_have_the_values_of_the_test_vectors(loss, value):
    assert loss.item() == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize(
    ("loss", "slopes"),
    [
        (non_saturating, [-0.1943249653, -0.0802053252, -0.1556148328, -0.125]),
        (minimax, [-0.0556750347, -0.1697946748, -0.0943851672, -0.125]),
    ],
)
def test_gradients_have_the_values_of_the_test_vectors(loss, slopes):
    fake = FAKE.clone().requires_grad_()
    loss(fake).backward()
    assert fake.grad.tolist() == pytest.approx(slopes, abs=1e-9)


@pytest.mark.parametrize(("logit", "saturating", "not_saturating"), [(-40.0, 0.0, 40.0), (40.0, -40.0, 0.0)])
def test_extreme_logits_give_finite_losses(logit, saturating, not_saturating):
    fake = tensor([logit], dtype=torch.float64)
    assert minimax(fake).item() == pytest.approx(saturating, abs=1e-10)
    assert non_saturating(fake).item() == pytest.approx(not_saturating, abs=1e-10)


def test_the_two_generator_losses_differ_by_the_logit():
    """softplus(-f) - (-softplus(f)) is not f, but softplus(f) - softplus(-f) is."""
    assert torch.allclose(-minimax(FAKE) - non_saturating(FAKE), FAKE.mean())


def test_a_discriminator_that_knows_nothing_loses_log_four():
    assert discriminator_loss(torch.zeros(3), torch.zeros(5)).item() == pytest.approx(1.3862943611)


def test_an_objective_is_a_pair_of_losses_by_its_name():
    assert Objective["hinge"].discriminator(REAL, FAKE).item() == 1.25
    assert Objective.minimax.generator(FAKE) == minimax(FAKE)
    assert Objective.non_saturating.generator(FAKE) == non_saturating(FAKE)
    assert Objective.least_squares.generator(FAKE) == generator_least_squares(FAKE)
    assert len(Objective) == 4  # equal pairs would be one name
