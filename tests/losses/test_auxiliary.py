import math

import pytest
import torch

from lightning_cgan.losses import gan, hinge, wasserstein
from lightning_cgan.losses.auxiliary import class_loss


def double(*values):
    return torch.tensor(values, dtype=torch.float64)


REAL, FAKE = double(0.8, -0.4), double(-0.6, 0.3)
OF_REAL = class_loss(double([2, -1, 0.5], [0, 1, -1]), torch.tensor([0, 1]))
OF_FAKE = class_loss(double([0.2, 0.1, -0.3], [-0.5, 0.4, 1.5]), torch.tensor([2, 2]))
SOURCE = gan.discriminator_loss(REAL, FAKE)


@pytest.mark.parametrize(
    ("loss", "published"),
    [
        (OF_REAL, 0.3244586306),
        (OF_FAKE, 0.9024345764),
        (SOURCE + OF_REAL + OF_FAKE, 2.5148727636),
        (gan.non_saturating(FAKE) + OF_FAKE, 1.6983561739),
        ((SOURCE + OF_REAL + OF_FAKE) / 4, 0.6287181909),
        (hinge.discriminator_hinge(REAL, FAKE) + OF_REAL, 1.9744586306),
        (hinge.generator_hinge(FAKE) + OF_FAKE, 1.0524345764),
        (wasserstein.critic_loss(REAL, FAKE) + OF_REAL, -0.0255413694),
        (wasserstein.generator_loss(FAKE) + 0.1 * OF_FAKE, 0.2402434576),
    ],
)
def test_every_convention_gives_its_published_test_vector(loss, published):
    assert loss.item() == pytest.approx(published, abs=1e-9)


def test_a_classifier_that_knows_nothing_loses_the_logarithm_of_the_number_of_classes():
    assert class_loss(torch.zeros(4, 10), torch.arange(4)).item() == pytest.approx(math.log(10))
