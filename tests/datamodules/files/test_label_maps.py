import re

import numpy as np
import pytest
import torch
from PIL import Image

from datamodules.core.order import SampleIndex
from datamodules.embedded.facades import Facades
from datamodules.files.label_maps import CITYSCAPES, FACADES, PALETTES, Palette, palette_of
from datamodules.folders.paired import PairedFolder
from datamodules.folders.unpaired import UnpairedFolder
from datamodules.render.buildings.classes import CLASS_NAMES, NUMBER, PALETTE
from datamodules.translation import Direction
from lightning_cgan.errors import UserError
from tests.datamodules.sets import put_picture, random_bytes, write_pairs

COLOURS = [(0, 0, 0), (255, 0, 0), (0, 255, 0), (10, 20, 250)]


def folder(root, **options):
    labels = {"palette": COLOURS, "labels_in": "b", "num_workers": 0}
    return PairedFolder(str(root), **{"size": 16, "load_size": 21, **labels, **options})


def images(side, epoch=0):
    place = torch.arange(len(side.label))
    return side.images(SampleIndex(torch.full_like(place, epoch), place))


def colours(image):
    return {tuple(colour) for colour in image.movedim(1, 0).flatten(1).T.unique(dim=0).tolist()}


@pytest.mark.parametrize("way", ["joined", "trainA"])
@pytest.mark.parametrize("resize", ["squash", "short_side"])
def test_label_maps_keep_their_colours_whatever_is_done_to_them(tmp_path, way, resize):
    data = folder(write_pairs(tmp_path, palette=COLOURS, way=way), resize=resize, jitter=0.5)
    for split in ("train", "val", "test"):
        a, b = map(images, data.domains(split))
        assert colours(b) == set(COLOURS)
        assert len(colours(a)) > 100
    assert data.palette.tolist() == [list(colour) for colour in COLOURS]


@pytest.mark.filterwarnings("ignore:2 of 4 colours of the palette")
def test_labels_and_pictures_are_resized_to_the_same_places(tmp_path):
    labels = np.zeros((32, 32, 3), np.uint8)
    labels[8:20, 4:28] = (255, 0, 0)
    for split in ("train", "val", "test"):
        put_picture(tmp_path / split / "x.png", np.concatenate([labels, labels], 1))
    data = folder(tmp_path)
    for epoch in range(4):
        a, b = (images(side, epoch) for side in data.domains("train"))
        assert torch.equal(a > 127, b > 127)


def test_the_side_of_the_labels_is_told_as_the_set_calls_it_and_kept_as_the_direction_has_it(tmp_path):
    write_pairs(tmp_path, palette=COLOURS)
    data = folder(tmp_path, direction=Direction.b_to_a)
    assert data.labels_in == "a"
    a, b = map(images, data.domains("test"))
    assert colours(a) == set(COLOURS) != colours(b)


def test_colours_outside_of_the_palette_are_refused_with_their_number_and_file_before_training(tmp_path):
    write_pairs(tmp_path, {"train": 3, "val": 1, "test": 1}, palette=COLOURS, way="trainA")
    path = tmp_path / "trainB" / "1.png"
    pixels = np.asarray(Image.open(path)).copy()
    pixels[0, :7], pixels[1, :2] = (1, 2, 3), (9, 9, 9)
    put_picture(path, pixels)
    with pytest.raises(ValueError, match=r"the 4 colours of their palette; 1 of 3 have others\. Set") as met:
        folder(tmp_path).setup("fit")
    assert f"{path}: (1, 2, 3) on 7 pixels, and 1 more colours, 9 pixels in all" in str(met.value)
    assert "data.init_args.palette_tolerance" in str(met.value)
    put_picture(path, np.asarray(Image.open(tmp_path / "trainB" / "0.png")))
    folder(tmp_path).setup("fit")  # what was mended is looked at again


def blocks(colours, seed=0, side=64, cells=8):
    """A label map (side, side, 3): squares, each in a colour of its own."""
    number = np.random.default_rng(seed).integers(len(colours), size=(cells, cells))
    return np.array(colours, np.uint8)[number].repeat(side // cells, 0).repeat(side // cells, 1)


def write_jpegs(root, colours, counts=None, labels_left=False):
    """Photographs beside label maps, saved as JPEG."""
    for split, count in (counts or {"train": 6, "val": 2, "test": 2}).items():
        for number in range(count):
            sides = [random_bytes([len(split), number], 64, 64, 3), blocks(colours, number)]
            (root / split).mkdir(parents=True, exist_ok=True)
            whole = np.concatenate(sides[:: -1 if labels_left else 1], 1)
            Image.fromarray(whole).save(root / split / f"{number}.jpg", quality=90)
    return root


def test_label_maps_saved_as_jpeg_are_read_by_the_nearest_colour_where_that_is_asked_for(tmp_path):
    write_jpegs(tmp_path, COLOURS)
    with pytest.raises(UserError, match=r"6 of 6 have others\. Set"):
        folder(tmp_path).setup("fit")
    with pytest.raises(UserError, match=r"6 of 6 have others, farther than 5 from all\. Set"):
        folder(tmp_path, palette_tolerance=5).setup("fit")
    data = folder(tmp_path, palette_tolerance=442)
    data.setup("fit")
    assert colours(images(data.domains("train")[1])) == set(COLOURS)


JET_12 = [(0, 0, 170), (0, 0, 255), (0, 85, 255), (0, 170, 255), (0, 255, 255), (85, 255, 170), (170, 255, 85),
          (255, 255, 0), (255, 170, 0), (255, 85, 0), (255, 0, 0), (170, 0, 0)]  # fmt: skip
TAKES_ALL = {"palette_tolerance": 442, "direction": Direction.b_to_a}


def test_maps_in_the_colours_of_the_published_facades_are_taken_and_each_class_is_read_as_itself(tmp_path):
    data = folder(write_jpegs(tmp_path, FACADES), palette="facades", resize="none", load_size=None, **TAKES_ALL)
    data.prepare_data()
    a, _ = data.eval_sources("test")
    right = [torch.from_numpy(blocks(FACADES, number)).permute(2, 0, 1)[:, 24:40, 24:40] for number in (0, 1)]
    inside = slice(3, 16, 8), slice(3, 16, 8)  # of squares of 8 pixels
    assert torch.equal(images(a)[..., *inside], torch.stack(right)[..., *inside])


def test_a_palette_that_the_maps_do_not_have_is_refused_with_what_became_of_each_class(tmp_path):
    write_jpegs(tmp_path, FACADES)
    with pytest.raises(UserError, match=r"are closer to the midpoint between two colours than to either") as got:
        folder(tmp_path, palette=JET_12, **TAKES_ALL).prepare_data()
    said = str(got.value)
    assert "Set data.init_args.palette to facades, which fits" in said
    assert len(said.splitlines()) == 13
    window = next(line for line in said.splitlines() if line.startswith("class 3 (0, 170, 255): "))
    assert re.search(
        r"\d% of the pixels; inside areas (3|4)\d levels from .*, 95 % within 4\d, 100% in between$", window
    )


def test_one_colour_that_is_wrong_is_refused_too_where_there_are_maps_enough_to_tell(tmp_path):
    write_jpegs(tmp_path, FACADES, {"train": 12, "val": 1, "test": 1})
    folder(tmp_path, palette="facades", **TAKES_ALL).prepare_data()
    for number in (0, 3, 10):
        others = [*FACADES[:number], *FACADES[number + 1 :]]
        with pytest.raises(UserError, match="palette to facades, which fits"):
            folder(tmp_path, palette=others, **TAKES_ALL).prepare_data()


@pytest.mark.parametrize("tolerance", [0, 442])
def test_label_maps_that_are_the_other_half_are_found_there(tmp_path, tolerance):
    write_jpegs(tmp_path, FACADES, labels_left=True)
    told = (
        "The label maps are the pictures of a: set data.init_args.labels_in to a" if tolerance else "6 of 6 have others"
    )
    with pytest.raises(UserError, match=told):
        folder(tmp_path, palette="facades", palette_tolerance=tolerance).prepare_data()


def test_one_photograph_among_the_label_maps_is_refused_by_name(tmp_path):
    write_jpegs(tmp_path, FACADES, {"train": 30, "val": 1, "test": 1})
    Image.fromarray(random_bytes(0, 64, 128, 3)).save(tmp_path / "train" / "7.jpg", quality=90)
    with pytest.raises(UserError, match=r"train/7\.jpg 1?\d\d%"):
        folder(tmp_path, palette="facades", **TAKES_ALL).prepare_data()


def test_a_refused_palette_is_refused_again_without_a_second_look(tmp_path, monkeypatch):
    write_jpegs(tmp_path, FACADES)
    for _ in range(2):
        with pytest.raises(UserError, match="closer to the midpoint"):
            folder(tmp_path, palette=JET_12, **TAKES_ALL).prepare_data()
        monkeypatch.setattr("datamodules.files.palette_check.CHECKED", 0)  # would divide by it


def test_colours_that_no_training_map_has_are_allowed_and_told(tmp_path):
    write_jpegs(tmp_path, FACADES[:11])
    with pytest.warns(UserWarning, match=r"1 of 12 colours .* in no training label map, \(174, 0, 0\) \(class 11\)"):
        folder(tmp_path, palette="facades", **TAKES_ALL).prepare_data()


def test_the_palette_of_rendered_facades_is_that_of_its_maps_and_its_colours_can_be_told_apart_in_jpegs(tmp_path):
    colours_of_classes = [tuple(colour) for colour in PALETTE.values()]
    assert len(set(colours_of_classes)) == len(CLASS_NAMES) == len(NUMBER)
    assert colours(images(Facades(size=32, pictures=4, flip=False).domains("train")[0])) <= set(colours_of_classes)
    data = folder(write_jpegs(tmp_path, colours_of_classes), palette=colours_of_classes, **TAKES_ALL)
    data.prepare_data()


def test_a_pixel_takes_the_nearest_colour_within_the_tolerance():
    picture = torch.tensor([[[3, 250, 128]], [[0, 10, 127]], [[4, 0, 128]]], dtype=torch.uint8)
    palette = Palette(((0, 0, 0), (255, 0, 0), (128, 128, 128)), tolerance=5)
    expected = torch.tensor([[[0, 255, 128]], [[0, 0, 128]], [[0, 0, 128]]], dtype=torch.uint8)
    assert torch.equal(palette.decoded(picture), expected)
    assert palette.foreign_colours(picture) == {(250, 10, 0): 1}
    assert palette._replace(tolerance=12).foreign_colours(picture) == {}
    assert palette._replace(tolerance=0).foreign_colours(picture) == {(3, 0, 4): 1, (250, 10, 0): 1, (128, 127, 128): 1}


def test_decoding_agrees_with_the_scores():
    from lightning_cgan.extractors import segmenter as metric

    known = palette_of("cityscapes", 442)
    picture = torch.from_numpy(random_bytes(0, 3, 20, 20))
    painted = metric.painted(metric.class_numbers(picture[None], known.tensor()), known.tensor())[0]
    assert torch.equal(known.decoded(picture), painted)


def test_the_published_palettes_have_their_colours():
    assert (len(FACADES), len(CITYSCAPES)) == (12, 29)
    assert all(len(set(colours)) == len(colours) for colours in PALETTES.values())
    row = [(5 * place + 6) / 16 for place in range(12)]  # every fifth of Matlab's jet(64)
    jet = [[round(255 * min(max(1.5 - abs(4 * (r / 4) - centre), 0), 1)) for centre in (3.0, 2.0, 1.0)] for r in row]
    assert max(abs(a - b) for two in zip(jet, FACADES, strict=True) for a, b in zip(*two, strict=True)) <= 1
    assert CITYSCAPES[10] == (70, 130, 180)  # the sky, training number 10
    assert CITYSCAPES[19] == (0, 0, 0)


def test_a_palette_that_is_not_known_is_refused_with_the_nearest_name(tmp_path):
    with pytest.raises(ValueError, match=r"got facade\. The nearest is facades\. Set data\.init_args\.palette"):
        folder(tmp_path, palette="facade")


@pytest.mark.filterwarnings("ignore:.* are also training images")
def test_palettes_of_index_files_are_read_as_their_colours(tmp_path):
    number = (random_bytes(0, 20, 24) % 4).astype(np.uint8)
    for split in ("train", "val", "test"):
        put_picture(tmp_path / f"{split}A" / "x.png", random_bytes(1, 20, 24, 3))
        indexed = Image.fromarray(number, mode="P")
        indexed.putpalette([part for colour in COLOURS for part in colour])
        (tmp_path / f"{split}B").mkdir()
        indexed.save(tmp_path / f"{split}B" / "x.png")
    data = folder(tmp_path)
    data.setup("fit")
    assert colours(images(data.domains("val")[1])) == set(COLOURS)


def test_unpaired_label_maps_are_read_by_the_same_rules(tmp_path):
    write_pairs(tmp_path, palette=COLOURS, way="trainA")
    data = UnpairedFolder(str(tmp_path), size=16, palette=COLOURS, labels_in="b", num_workers=0)
    assert colours(images(data.domains("train")[1])) == set(COLOURS)
    put_picture(tmp_path / "testB" / "0.png", random_bytes(0, 20, 24, 3))
    with pytest.raises(ValueError, match="1 of 2 have others"):
        data.setup("test")


@pytest.mark.parametrize(
    ("key", "options"),
    [
        ("labels_in", {"labels_in": None}),
        ("palette", {"palette": None}),
        ("palette", {"palette": [(0, 0, 0)]}),
        ("palette", {"palette": [(0, 0, 0), (0, 0, 256)]}),
        ("palette", {"palette": [(0, 0, 0), (0, 0, 0)]}),
        ("palette_tolerance", {"palette_tolerance": 500}),
        ("palette_tolerance", {"palette_tolerance": -1}),
        ("palette", {"palette": None, "labels_in": None, "palette_tolerance": 3}),
        ("channels_b", {"channels_b": 1}),
    ],
)
def test_what_is_said_about_labels_must_fit_together(tmp_path, key, options):
    with pytest.raises(ValueError, match=rf"got .*Set data\.init_args\.{key}\."):
        folder(tmp_path, **options)
