import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from datamodules.core.low_resolution import low_resolution
from datamodules.core.order import SampleIndex
from datamodules.embedded.photos import BlurredPhotos, Photos, blurred


def test_the_blur_is_scipys():
    image = torch.randint(256, (3, 40, 30), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    expected = gaussian_filter(image.numpy().astype(np.float64), (0, 1.0, 1.0), mode="mirror")
    assert np.abs(blurred(image, 1.0).numpy() - expected).max() < 0.51
    assert blurred(image[None, None], 1.0).shape == (1, 1, 3, 40, 30)


def test_the_low_resolution_is_that_of_the_blurred_crop_and_the_high_one_is_sharp():
    data, plain = BlurredPhotos(size=32), Photos(size=32)
    at = SampleIndex(*torch.tensor([[[0, 0]], [[1, 2]]]))
    (a, b), (_, sharp) = ([side.images(at) for side in one.domains("train")] for one in (data, plain))
    assert torch.equal(b, sharp)
    assert torch.equal(a, low_resolution(blurred(b, 1.0), 4))
    assert data.reference("val") != plain.reference("val")


def test_a_blur_without_width_is_refused():
    with pytest.raises(ValueError, match=r"positive sigma; got 0. Set data.init_args.sigma"):
        BlurredPhotos(sigma=0)
