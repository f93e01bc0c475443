import numpy as np
import pytest
import torch
from scipy.spatial import KDTree

from lightning_cgan.extractors.segmenter import class_numbers, painted

PALETTE = torch.tensor([[0, 0, 0], [255, 255, 255], [200, 10, 10], [10, 10, 200], [200, 10, 12]], dtype=torch.uint8)


def test_what_is_painted_in_the_palette_is_read_back_exactly():
    number = torch.randint(len(PALETTE), (3, 7, 5), generator=torch.Generator().manual_seed(0))
    picture = painted(number, PALETTE)
    assert picture.dtype == torch.uint8
    assert picture.shape == (3, 3, 7, 5)
    assert torch.equal(class_numbers(picture, PALETTE), number)


def test_a_pixel_takes_the_class_of_the_nearest_colour():
    image = torch.randint(256, (2, 3, 16, 16), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    tree = KDTree(PALETTE.numpy().astype(float))
    distance, expected = tree.query(image.movedim(1, -1).numpy().astype(float), k=2)
    clear = torch.as_tensor(distance[..., 0] < distance[..., 1] - 1e-6)
    assert clear.float().mean() > 0.9
    assert torch.equal(class_numbers(image, PALETTE)[clear], torch.as_tensor(expected[..., 0].astype(np.int64))[clear])


def test_of_two_equally_near_colours_the_first_decides():
    between = torch.tensor([200, 10, 11], dtype=torch.uint8).view(1, 3, 1, 1)
    assert class_numbers(between, PALETTE).item() == 2


@pytest.mark.parametrize("image", [torch.zeros(1, 3, 2, 2), torch.zeros(1, 1, 2, 2, dtype=torch.uint8)])
def test_other_images_than_coloured_bytes_are_refused(image):
    with pytest.raises(ValueError, match="uint8 images of 3 channels"):
        class_numbers(image, PALETTE)
