import pytest
import torch
from torch import nn
from torch.nn.functional import l1_loss, mse_loss

from lightning_cgan.losses.content import RESCALING, content_loss


class Doubled(nn.Module):
    """Two taps: twice the image, and its mean over the places."""

    def forward(self, image):
        return 2 * image, image.mean((2, 3), keepdim=True)


def test_without_features_it_is_the_pixel_loss():
    fake, real = torch.rand(2, 3, 4, 4), torch.rand(2, 3, 4, 4)
    assert content_loss(fake, real, mse_loss) == mse_loss(fake, real)
    assert content_loss(fake, real, l1_loss) == l1_loss(fake, real)


def test_with_features_it_is_equation_5_which_sums_over_the_channels():
    fake = torch.arange(12, dtype=torch.float64).view(1, 3, 2, 2)
    identity = nn.Sequential(nn.Unflatten(0, (1, -1)))  # one tap: the image
    loss = content_loss(fake, torch.ones_like(fake), mse_loss, [identity], rescaling=1.0)
    assert loss.item() == pytest.approx(96.5, abs=1e-9)


def test_taps_and_networks_add_up_and_the_features_are_rescaled():
    fake, real = torch.rand(2, 3, 4, 4), torch.rand(2, 3, 4, 4)
    first = 4 * (fake - real).square().sum(1).mean()
    second = (fake - real).mean((2, 3)).square().sum(1).mean()
    for networks in (1, 2):
        loss = content_loss(fake, real, mse_loss, [Doubled()] * networks)
        assert loss.item() == pytest.approx((networks * (first + second) / 12.75**2).item(), rel=1e-5)
    assert round(RESCALING**2, 3) == 0.006  # what the paper calls it


def test_only_the_generated_image_is_moved():
    fake, real = torch.rand(2, 1, 3, 4, 4).requires_grad_().unbind(0)
    moved, still = torch.autograd.grad(content_loss(fake, real, mse_loss, [Doubled()]), (fake, real), allow_unused=True)
    assert moved.abs().sum() > 0
    assert still is None
