import pytest
import torch
from torch import nn
from torch.nn.functional import avg_pool2d

from lightning_cgan.losses.perceptual import gatys_content_loss, gatys_style_loss
from lightning_cgan.papers.gatys import TAPS, gatys


class Taps(nn.Module):
    def forward(self, image):
        return image, avg_pool2d(image, 2)


def pictures():
    torch.manual_seed(0)
    return torch.rand(1, 3, 12, 16) * 2 - 1, torch.rand(1, 3, 8, 8) * 2 - 1


def test_the_first_loss_is_equation_7_at_the_start():
    content, style = pictures()
    start = torch.zeros_like(content)
    _, trace = gatys(content, style, Taps(), 2.0, 5.0, (0,), (0, 1), steps=1, start=start)
    kept = gatys_content_loss(start, content)
    taken = [gatys_style_loss(a, b) for a, b in zip(Taps()(start), Taps()(style), strict=True)]
    assert trace[0] == pytest.approx((2 * kept + 5 * sum(taken) / 2).item())


@pytest.mark.parametrize("optimizer", [None, lambda pixels: torch.optim.Adam(pixels, lr=0.05)])
def test_the_picture_takes_on_the_style_and_stays_in_range(optimizer):
    content, style = pictures()
    chosen = {} if optimizer is None else {"optimizer": optimizer}
    image, trace = gatys(content, style, Taps(), 10.0, 1e4, (1,), (0, 1), steps=30, **chosen)
    assert len(trace) == 31
    assert trace[-1] < 0.5 * trace[0]
    assert image.shape == content.shape
    assert image.abs().max() <= 1
    assert not image.requires_grad


def test_the_defaults_are_five_taps_for_the_style_and_relu4_2_for_the_content():
    assert [TAPS[place] for place in (0, 1, 2, 3, 5)] == [f"relu{block}_1" for block in range(1, 6)]
    assert TAPS[4] == "relu4_2"
    content, style = pictures()
    six = nn.Module()
    six.forward = lambda image: (image,) * 6
    _, trace = gatys(content, style, six, steps=0)
    taken = gatys_style_loss(content, style)
    assert trace == [pytest.approx(1e3 * taken.item())]
