import pytest
import torch

from lightning_cgan.losses.hinge import discriminator_hinge, generator_hinge

REAL = torch.tensor([1.5, -0.25, 0.5, 2.0], dtype=torch.float64)
FAKE = torch.tensor([-1.25, 0.75, -0.5, 0.0], dtype=torch.float64)


def test_losses_give_the_published_test_vector():
    assert discriminator_hinge(REAL, FAKE).item() == pytest.approx(1.25, abs=1e-9)
    assert generator_hinge(FAKE).item() == pytest.approx(0.25, abs=1e-9)


def test_logits_beyond_the_margin_cost_and_teach_nothing():
    real, fake = torch.tensor([1.5, 3.0], requires_grad=True), torch.tensor([-1.5, -9.0], requires_grad=True)
    loss = discriminator_hinge(real, fake)
    loss.backward()
    assert loss.item() == 0
    assert not real.grad.any()
    assert not fake.grad.any()


def test_the_generator_gains_equally_from_every_image():
    fake = FAKE.clone().requires_grad_()
    generator_hinge(fake).backward()
    assert torch.allclose(fake.grad, torch.full_like(fake, -0.25))


def test_halves_are_averaged_over_their_own_counts():
    assert discriminator_hinge(REAL, torch.cat([FAKE, FAKE])) == discriminator_hinge(REAL, FAKE)
