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


def test_each_image_of_any_leading_shape_is_reduced_by_itself():
    image = torch.randint(256, (2, 3, 3, 16, 24), dtype=torch.uint8)
    small = low_resolution(image, 4)
    assert small.shape == (2, 3, 3, 4, 6)
    assert torch.equal(small[1, 2], low_resolution(image[1, 2], 4))
    assert low_resolution(image[:, :0], 4).shape == (2, 0, 3, 4, 6)


def test_sides_that_do_not_divide_are_refused_and_cut_makes_them_divide():
    image = torch.zeros(3, 17, 22, dtype=torch.uint8)
    with pytest.raises(ValueError, match=r"multiples of the scale 4 before it is reduced; got 17x22. Set data"):
        low_resolution(image, 4)
    assert low_resolution(cut(image, 4), 4).shape == (3, 4, 5)
