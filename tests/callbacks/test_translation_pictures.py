import torch
from torchvision.io import read_image

from lightning_cgan.callbacks.pictures import Predictions, TranslationGrid, by_class, fitted
from tests.translation import Negative, SmallPairs, SmallUnpaired, trainer


def rows_of(path, columns):
    """The first pixel of each cell, row by row, in a picture of cells of 48 pixels with borders of 2."""
    picture = read_image(str(path))
    return picture[0, 4::50, 4::50][:, :columns].tolist()


def pictured(tmp_path, data, **model):
    trainer(tmp_path, callbacks=[TranslationGrid(columns=3)]).test(Negative(**model), data, verbose=False)
    return rows_of(tmp_path / "samples" / "test.png", 3)


def test_columns_show_source_generated_and_target(tmp_path):
    source, fake, target = pictured(tmp_path, SmallPairs(evaluation_batch_size=2))
    assert source == [200, 201, 202]
    assert fake == target == [55, 54, 53]


def test_both_directions_and_the_ways_back_are_shown_where_there_are_any(tmp_path):
    shown = pictured(tmp_path, SmallPairs(), two_ways=True)
    a, b = [200, 201, 202], [55, 54, 53]
    assert shown == [*(a, b, b, a), *(b, a, a, b)]


def test_without_pairs_there_are_no_targets(tmp_path):
    assert pictured(tmp_path, SmallUnpaired()) == [[200, 201, 202], [55, 54, 53]]


def test_images_are_brought_to_the_shape_of_another():
    low = torch.arange(4.0).view(1, 2, 2)
    assert torch.equal(fitted(low, torch.zeros(3, 4, 4))[2, ::2, ::2], low[0])
    wide = torch.arange(8.0).view(1, 1, 8).expand(3, 4, 8)
    assert fitted(wide, torch.zeros(3, 4, 4))[0, 0].tolist() == [2, 3, 4, 5]


def test_predictions_of_a_translation_are_called_by_their_sources(tmp_path):
    data = SmallPairs(evaluation_batch_size=4)
    trainer(tmp_path, callbacks=[Predictions()]).predict(Negative(), data, return_predictions=False)
    files = sorted(path.name for path in (tmp_path / "predictions").iterdir())
    assert files == [*(f"{number:05d}.png" for number in range(10)), "grid.png"]
    assert read_image(str(tmp_path / "predictions" / "00003.png")).unique().tolist() == [255 - 203]
    assert rows_of(tmp_path / "predictions" / "grid.png", 2) == [[200, 201], [55, 54]]


def test_images_of_several_sizes_make_one_picture():
    cells = {0: [torch.zeros(1, 8, 8), torch.ones(1, 12, 6)], 1: [-torch.ones(1, 8, 8)]}
    assert by_class(cells).shape == (3, 2 * 48 + 6, 2 * 48 + 6)
