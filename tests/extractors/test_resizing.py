import numpy as np
import pytest
import torch
from PIL import Image
from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x

from lightning_cgan.extractors.resizing import Resize, pictured, resized


def image_of(*shape):
    return torch.randint(256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def by_pil(image, size, how):
    """Each channel of (C, H, W) as an image of floats."""
    planes = [Image.fromarray(plane.numpy().astype(np.float32)).resize((size, size), how) for plane in image]
    return torch.from_numpy(np.stack([np.asarray(plane) for plane in planes]))


@pytest.mark.parametrize("shape", [(3, 32, 32), (3, 128, 96), (3, 400, 300), (1, 224, 224)])
@pytest.mark.parametrize(
    ("way", "how"),
    [(Resize.PIL_BILINEAR, Image.Resampling.BILINEAR), (Resize.PIL_BICUBIC, Image.Resampling.BICUBIC)],
)
def test_the_antialiased_ways_are_pils_on_floats(way, how, shape):
    image = image_of(*shape)
    assert (resized(image[None], 224, way)[0] - by_pil(image, 224, how)).abs().max() < 5e-3  # of 255


@pytest.mark.parametrize("shape", [(1, 3, 32, 32), (2, 3, 400, 300)])
def test_the_way_of_tensorflow_1_is_torch_fidelitys(shape):
    image = image_of(*shape)
    theirs = interpolate_bilinear_2d_like_tensorflow1x(image.float(), size=(299, 299), align_corners=False)
    assert torch.equal(resized(image, 299, Resize.TENSORFLOW_1), theirs)


def test_tensorflow_1_samples_from_the_top_left_corner():
    row = torch.tensor([0, 100], dtype=torch.uint8).expand(1, 1, 2, 2)
    assert resized(row, 4, Resize.TENSORFLOW_1)[0, 0, 0].tolist() == [0, 50, 100, 100]
    assert resized(row, 4, Resize.PIL_BILINEAR)[0, 0, 0].tolist() == [0, 25, 75, 100]


def test_at_32_pixels_the_ways_are_far_apart_and_at_their_own_size_the_same():
    small, own = image_of(1, 3, 32, 32), image_of(1, 3, 299, 299)
    for way in (Resize.PIL_BILINEAR, Resize.PIL_BICUBIC):
        assert (resized(small, 299, way) - resized(small, 299, Resize.TENSORFLOW_1)).abs().mean() > 10
        assert torch.allclose(resized(own, 299, way), resized(own, 299, Resize.TENSORFLOW_1), atol=1e-3)


def test_a_way_says_its_size():
    assert Resize.PIL_BILINEAR.to(299) == "PIL bilinear to 299x299"


@pytest.mark.parametrize("shape", [(3, 16, 16), (3, 32, 48), (3, 400, 300), (3, 224, 224)])
def test_a_picture_is_pils_bicubic_one_of_bytes(shape):
    image, how = image_of(*shape), Image.Resampling.BICUBIC
    rows = Image.fromarray(image.permute(1, 2, 0).numpy()).resize((224, shape[1]), how)  # rows first in all versions
    theirs = torch.from_numpy(np.array(rows.resize((224, 224), how))).permute(2, 0, 1)
    apart = (pictured(image[None], 224)[0] - theirs).abs()
    assert apart.max() <= 2
    assert apart.mean() < 0.02
