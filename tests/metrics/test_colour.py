import numpy as np
import pytest
import torch
from skimage.color import rgb2lab

from lightning_cgan.metrics.colour import BINS, RANGES, colour_counts, colour_moments, intersection, lab, spread


def pictures(count=3, seed=0):
    return torch.randint(256, (count, 3, 8, 9), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def test_the_intersection_of_two_histograms_written_out():
    p, q = (torch.tensor(mass, dtype=torch.float64) for mass in ([0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4]))
    assert intersection(p, q).item() == pytest.approx(0.6, abs=1e-9)
    assert intersection(10 * p, q).item() == pytest.approx(0.6, abs=1e-9)  # counts of other numbers of pixels
    assert intersection(p, p).item() == pytest.approx(1, abs=1e-12)


def test_known_colours_have_their_published_places():
    shown = torch.tensor([[0, 0, 0], [255, 255, 255], [255, 0, 0]], dtype=torch.uint8).view(3, 3, 1, 1)
    expected = torch.tensor([[0, 0, 0], [100, 0, 0], [53.24, 80.09, 67.20]], dtype=torch.float64)
    assert torch.allclose(lab(shown)[..., 0, 0], expected, atol=0.02)


def test_histograms_and_moments_are_those_of_numpy():
    image = pictures()
    oracle = rgb2lab(image.movedim(1, -1).numpy())
    count, deviation = colour_counts(lab(image)), spread(colour_moments(lab(image)).sum(0))
    for channel, bounds in enumerate(RANGES.values()):
        value = oracle[..., channel]
        assert deviation[channel].item() == pytest.approx(value.std(), rel=1e-6)
        for row, picture in enumerate(value):
            assert count[row, channel].tolist() == np.histogram(picture, bins=BINS, range=bounds)[0].tolist()


def test_every_colour_that_a_picture_can_hold_lies_in_the_histograms():
    step = torch.tensor([0, 51, 102, 153, 204, 255], dtype=torch.uint8)
    corner = lab(torch.cartesian_prod(step, step, step).T.reshape(1, 3, 6, 36))
    for channel, (low, high) in enumerate(RANGES.values()):
        assert low - 1e-3 <= corner[0, channel].min()
        assert corner[0, channel].max() <= high + 1e-3


def test_grey_pictures_have_no_spread_of_colour():
    grey = pictures()[:, :1].expand(-1, 3, -1, -1).contiguous()
    deviation = spread(colour_moments(lab(grey)).sum(0))
    assert deviation[0] > 10
    assert deviation[1:].max() < 0.01


def test_no_picture_has_no_counts():
    empty = lab(pictures()[:0])
    assert colour_counts(empty).shape == (0, 3, BINS)
    assert colour_moments(empty).shape == (0, 3, 3)


def test_histograms_have_fifty_bins_over_the_range_of_srgb():
    assert colour_counts(lab(pictures())).shape == (3, 3, 50)
    assert RANGES == {"l": (0, 100), "a": (-110, 110), "b": (-110, 110)}
