"""Gradient penalties are taken where their papers say: between generated and real images, or at the real ones."""

import pytest
import torch
from torch import nn

from lightning_cgan.batches import ImageSpec
from lightning_cgan.papers.cgan import ConditionalGAN
from lightning_cgan.papers.gan import GAN
from lightning_cgan.papers.progan import ProGAN
from lightning_cgan.papers.wgan_gp import WGANGP

SPEC = ImageSpec(1, 4, 3)
PIXELS = 16
WHITE = torch.ones(64, 1, 4, 4)
LABEL = torch.arange(64) % 3


class Quadratic(nn.Module):
    """A critic with slope |x| at the image x: 1 at all white and all black images, less between them."""

    def __init__(self, spec):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(1.0))

    def forward(self, image, *told):
        return self.weight * image.square().sum((1, 2, 3)) / (2 * PIXELS**0.5)


class Growing(Quadratic):
    def forward(self, image, alpha):
        return super().forward(image), image.new_zeros(len(image), 0)


class Plain(nn.Module):
    """A generator of images of one brightness."""

    latent_dim = 2

    def __init__(self, spec, brightness=-1.0):
        super().__init__()
        self.weight, self.brightness = nn.Parameter(torch.tensor(1.0)), brightness

    def forward(self, noise, *told):
        return self.weight * self.brightness * torch.ones(len(noise), 1, 4, 4)


BETWEEN = 1 / 3  # the mean of (|2 t - 1| - 1)^2 over t uniform in [0, 1]: slope |2 t - 1| from black to white


def test_the_penalty_of_wgan_gp_is_taken_between_generated_and_real_images():
    paper = WGANGP(SPEC, generator=Plain, critic=Quadratic)
    torch.manual_seed(0)
    penalties = [paper.critic_terms(WHITE)[1].item() for _ in range(20)]
    assert sum(penalties) / 20 == pytest.approx(BETWEEN, rel=0.1)  # 0 at real and at generated images


def test_the_penalty_of_progan_is_taken_between_generated_and_real_images():
    paper = ProGAN(SPEC, generator=Plain, discriminator=Growing, gp_weight=1.0, drift_weight=0.0)
    torch.manual_seed(0)
    losses = [paper.discriminator_loss(WHITE, LABEL, -WHITE, LABEL, 1.0)[0].item() for _ in range(20)]
    assert sum(losses) / 20 == pytest.approx(BETWEEN, rel=0.1)  # the scores of both are equal


@pytest.mark.parametrize(("real", "penalty"), [(1.0, 0.5), (0.5, 0.125), (0.0, 0.0)])
def test_r1_is_taken_at_real_images(real, penalty):
    for kind, label in ((GAN, ()), (ConditionalGAN, (LABEL,))):
        losses = []
        for weight in (0.0, 2.0):
            paper = kind(SPEC, generator=Plain, discriminator=Quadratic, r1_weight=weight)
            losses.append(paper.discriminator_loss(real * WHITE, *label)[0].item())
        assert losses[1] - losses[0] == pytest.approx(2 * penalty, abs=1e-5)
