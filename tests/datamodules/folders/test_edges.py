import numpy as np
import pytest
import torch

from datamodules.core.order import SampleIndex
from datamodules.folders.edges import EdgesFolder, thickened
from tests.datamodules.sets import put_picture

PLACE = SampleIndex(torch.zeros(1, dtype=torch.int64), torch.zeros(1, dtype=torch.int64))


def test_a_line_of_one_pixel_becomes_three_wide():
    picture = torch.full((3, 7, 7), 255, dtype=torch.uint8)
    picture[:, :, 3] = 10
    thick = thickened(picture)
    assert thick.dtype == torch.uint8
    assert (thick[:, :, 2:5] == 10).all()
    assert (thick[:, :, [0, 1, 5, 6]] == 255).all()


@pytest.mark.parametrize("split", ["train", "test"])
def test_lines_are_thickened_in_the_drawings_alone_and_before_they_are_resized(tmp_path, split):
    joined = np.full((32, 64, 3), 255, np.uint8)
    joined[:, [8, 40]] = 0  # a line in the drawing, and one in the photograph
    for name in ("train", "val", "test"):
        for number in range(2):
            put_picture(tmp_path / name / f"{number}.png", joined)
    data = EdgesFolder(str(tmp_path), size=16, load_size=16, flip=False, num_workers=0)
    a, b = (side.images(PLACE)[0, 0].float() for side in data.domains(split))
    assert a.shape == b.shape == (16, 16)
    light_a, light_b = (255 - side[8].mean().item() for side in (a, b))
    assert light_a == pytest.approx(3 * light_b, rel=0.15)
    assert a[8].min() < 40 < b[8].min()
