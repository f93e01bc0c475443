import numpy as np
import pytest
import torch
from PIL import Image

from datamodules.core.low_resolution import cut, low_resolution
from datamodules.embedded.photos import photographs


def test_it_is_antialiased_a_pattern_finer_than_the_low_resolution_becomes_its_mean():
    stripes = torch.tensor([0, 200], dtype=torch.uint8).repeat(3, 32, 16)
    assert (low_resolution(stripes, 4)[..., 2:-2] == 100).all()


def test_a_slope_stays_the_same_slope():
    slope = torch.arange(0, 128, 2, dtype=torch.uint8).expand(1, 8, 64)
    middle = low_resolution(slope, 4)[0, 0, 2:-2].tolist()
    assert middle == [8 * place + 3 for place in range(2, 14)]  # the mean of four neighbours


@pytest.mark.parametrize("scale", [2, 4])
def test_it_is_pillows_but_for_pillows_rounding_between_two_passes(scale):
    image = cut(photographs("val")["coins"], scale)
    height, width = image.shape[-2:]
    asked = Image.fromarray(image.permute(1, 2, 0).numpy()).resize((width // scale, height // scale), Image.BICUBIC)
    pillow = torch.from_numpy(np.asarray(asked).copy()).permute(2, 0, 1)
    apart = (low_resolution(image, scale).int() - pillow.int()).abs()
    assert apart.max() <= 2
    assert (apart > 0).float().mean() < 0.2


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_it_is_the_interpolation_in_double_precision_rounded_once(scale):
    image = torch.randint(256, (40, 3, 24, 24), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    place = (torch.arange(24 // scale).double()[:, None] + 0.5) * scale - 0.5 - torch.arange(24)
    x = (place / scale).abs()
    kernel = torch.where(x <= 1, 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2) * (x < 2)
    kernel /= kernel.sum(1, keepdim=True)
    exact = kernel @ image.double() @ kernel.T
    assert torch.equal(low_resolution(image, scale), exact.round().clamp(0, 255).byte())


def test_cutting_takes_away_rows_at_the_bottom_and_columns_at_the_right():
    image = torch.arange(35).view(1, 5, 7)
    assert torch.equal(cut(image, 3), image[:, :3, :6])
    assert torch.equal(cut(image, 1), image)


def test_each_image_of_any_leading_shape_is_reduced_by_itself():
    image = torch.randint(256, (2, 3, 3, 16, 24), dtype=torch.uint8)
    small = low_resolution(image, 4)
    assert small.shape == (2, 3, 3, 4, 6)
    assert torch.equal(small[1, 2], low_resolution(image[1, 2], 4))
    assert low_resolution(image[:, :0], 4).shape == (2, 0, 3, 4, 6)


def test_sides_that_do_not_divide_are_refused_and_cut_makes_them_divide():
    image = torch.zeros(3, 17, 22, dtype=torch.uint8)
    with pytest.raises(ValueError, match=r"multiples of the scale 4 before downsampling; got 17x22. Set data"):
        low_resolution(image, 4)
    assert low_resolution(cut(image, 4), 4).shape == (3, 4, 5)
