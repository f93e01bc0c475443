import numpy as np
import pytest
import torch

from datamodules.files.predict_images import PredictFiles
from datamodules.files.side_decoding import SideDecoding
from datamodules.folders.paired import PairedFolder
from datamodules.translation import Direction
from lightning_cgan.batches import SourceImages
from tests.datamodules.sets import put_picture, random_bytes, write_pairs
from tests.translation import Negative, SmallPairs, trainer


class Noting(Negative):
    def __init__(self):
        super().__init__()
        self.seen = []

    def predict_step(self, batch, batch_idx):
        self.seen.append(batch)


def predicted(data, folder):
    module = Noting()
    trainer(folder).predict(module, data, return_predictions=False)
    assert all(isinstance(batch, SourceImages) for batch in module.seen)
    return module.seen


def test_a_folder_of_ones_own_is_translated_at_native_size_by_name_and_without_the_set(tmp_path):
    for name, shape in {"b.png": (9, 12), "a.png": (20, 7), "more/c.jpg": (8, 8)}.items():
        put_picture(tmp_path / "own" / name, random_bytes(0, *shape, 3))
    data = PairedFolder("nowhere", num_workers=0, predict_from=str(tmp_path / "own"))
    seen = predicted(data, tmp_path)
    assert [(batch.name, tuple(batch.image.shape)) for batch in seen] == [
        (["a"], (1, 3, 20, 7)),
        (["b"], (1, 3, 9, 12)),
        (["more/c"], (1, 3, 8, 8)),
    ]
    pixels = torch.from_numpy(random_bytes(0, 20, 7, 3)).permute(2, 0, 1)
    assert torch.allclose(seen[0].image[0], pixels.float() / 127.5 - 1)


def test_pictures_of_one_size_share_a_batch(tmp_path):
    for number in range(5):
        put_picture(tmp_path / "own" / f"{number}.png", random_bytes(number, 8, 8, 3))
    seen = predicted(SmallPairs(evaluation_batch_size=3, predict_from=str(tmp_path / "own")), tmp_path)
    assert [len(batch.name) for batch in seen] == [2, 3]
    assert sum((batch.name for batch in seen), []) == list("01234")  # noqa: RUF017


def test_one_file_is_enough_and_is_read_with_the_channels_of_the_domain_that_is_translated(tmp_path):
    path = put_picture(tmp_path / "x.y.png", random_bytes(0, 10, 11, 3))
    for direction, channels in ((Direction.a_to_b, 3), (Direction.b_to_a, 1)):
        (batch,) = predicted(SmallPairs(direction=direction, predict_from=str(path)), tmp_path)
        assert (batch.name, tuple(batch.image.shape)) == (["x.y"], (1, channels, 10, 11))


def test_names_keep_their_endings_where_they_would_be_the_same_without(tmp_path):
    for name in ("x.png", "x.jpg", "y.png"):
        put_picture(tmp_path / name, random_bytes(0, 8, 8, 3))
    assert PredictFiles(str(tmp_path), SideDecoding(8)).name == ["x.jpg", "x.png", "y.png"]


def test_label_maps_of_ones_own_are_in_the_colours_of_the_set(tmp_path):
    colours = [(0, 0, 0), (200, 0, 0)]
    write_pairs(tmp_path / "set", palette=colours)
    options = {"palette": colours, "labels_in": "b", "direction": Direction.b_to_a, "num_workers": 0, "size": 16}
    near = np.zeros((9, 9, 3), np.uint8)
    near[:4] = (198, 0, 3)
    path = str(put_picture(tmp_path / "mine.png", near))
    with pytest.raises(ValueError, match=r"1 of 1 have others(.|\n)*mine\.png: \(198, 0, 3\) on 36 pixels"):
        PairedFolder(str(tmp_path / "set"), predict_from=path, **options).setup("predict")
    data = PairedFolder(str(tmp_path / "set"), predict_from=path, palette_tolerance=10, **options)
    (batch,) = predicted(data, tmp_path)
    assert torch.equal(batch.image[0, :, 0, 0], torch.tensor([200, 0, 0]) / 127.5 - 1)
    data = PairedFolder(str(tmp_path / "set"), predict_from=path, **{**options, "direction": Direction.a_to_b})
    data.setup("predict")  # a is photographs then


def test_label_maps_of_an_embedded_set_too(tmp_path):
    class Maps(SmallPairs):
        labels_in, palette = "a", torch.tensor([[0, 0, 0], [255, 255, 255]], dtype=torch.uint8)

    path = str(put_picture(tmp_path / "mine.png", random_bytes(0, 9, 9, 3)))
    with pytest.raises(ValueError, match="the 2 colours of their palette; 1 of 1 have others"):
        Maps(predict_from=path).setup("predict")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda place: None, "which does not exist"),
        (lambda place: place.mkdir(), "without pictures"),
        (lambda place: place.write_text("<html>"), r"1 of 1 cannot be used"),
    ],
)
def test_what_cannot_be_translated_is_refused_by_its_key(tmp_path, make, said):
    place = tmp_path / "own"
    make(place)
    with pytest.raises(ValueError, match=rf"{said}.*[Ss]et data\.init_args\.predict_from"):
        SmallPairs(predict_from=str(place)).setup("predict")


def test_other_commands_do_not_look_at_them():
    SmallPairs(predict_from="nowhere").setup("fit")
    SmallPairs(predict_from="nowhere").setup("test")
