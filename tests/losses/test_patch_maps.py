"""The losses of maps of logits: means over images and patches alike."""

import pytest
import torch
from torch import tensor

from lightning_cgan.losses.gan import discriminator_loss, non_saturating
from lightning_cgan.losses.wasserstein import critic_loss, generator_loss

REAL = tensor([[0.5, -1], [2, 0]], dtype=torch.float64)
FAKE = tensor([[-0.5, 1], [-2, 0.25]], dtype=torch.float64)


@pytest.mark.parametrize(
    ("loss", "value"),
    [
        (discriminator_loss(REAL, FAKE), 0.6518534658253118 + 0.6850515256550364),
        (discriminator_loss(REAL, FAKE) / 2, 0.6684524957401741),
        (non_saturating(FAKE), 0.9975515256550365),
        (critic_loss(REAL, FAKE), -0.6875),
        (generator_loss(FAKE), 0.3125),
        (non_saturating(tensor([-800.0])), 800.0),
        (non_saturating(tensor([800.0])), 0.0),
    ],
)
def test_losses_have_the_values_of_the_test_vectors(loss, value):
    assert loss.item() == pytest.approx(value, abs=1e-9)


def test_how_patches_lie_in_images_does_not_matter():
    assert discriminator_loss(REAL.view(1, 1, 2, 2), FAKE.view(1, 1, 2, 2)) == discriminator_loss(REAL, FAKE)
    assert non_saturating(FAKE.view(4, 1, 1, 1)) == non_saturating(FAKE)
