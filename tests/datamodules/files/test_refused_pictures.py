import numpy as np
import pytest
import tifffile
from PIL import Image

from datamodules.files.decode import printable, read_picture
from tests.datamodules.picture_files import huge_png
from tests.datamodules.sets import random_bytes

COLOURS = random_bytes(0, 6, 5, 3)
GREYS = random_bytes(1, 6, 5)
WIDE = np.random.default_rng(2).integers(0, 65536, (6, 5, 4), dtype=np.uint16)


UNCLEAR = {
    "floats": {"data": GREYS.astype(np.float32)},
    "32 bits": {"data": GREYS.astype(np.uint32)},
    "signed": {"data": GREYS.astype(np.int16)},
    "signed 8 bits": {"data": GREYS.astype(np.int8)},
    "white is zero": {"data": WIDE[..., 0], "photometric": "miniswhite"},
    "planes": {"data": WIDE[..., :3].transpose(2, 0, 1), "photometric": "rgb", "planarconfig": "separate"},
    "inks of 16 bits": {"data": WIDE, "photometric": "separated"},
    "Lab": {"data": COLOURS, "photometric": "cielab"},
}


@pytest.mark.parametrize("name", UNCLEAR)
def test_samples_that_pillow_would_misread_are_refused(tmp_path, name):
    tifffile.imwrite(tmp_path / "a.tif", **UNCLEAR[name])
    with pytest.raises(ValueError, match=r"a\.tif has samples without a unique meaning"):
        read_picture(tmp_path / "a.tif")


def test_a_file_of_a_few_bytes_and_very_many_pixels_is_refused_before_it_unfolds(file):
    path = file(huge_png(8000, 6251))
    assert path.stat().st_size < 20_000
    with pytest.raises(ValueError, match="has 8000 x 6251 pixels; at most 50,000,000 are decoded"):
        read_picture(path)
    limit = Image.MAX_IMAGE_PIXELS
    with pytest.raises(ValueError, match=r"cannot be opened: Image size .* exceeds limit"):
        read_picture(file(huge_png(20_000, 20_000)))
    assert limit == Image.MAX_IMAGE_PIXELS


def test_a_picture_within_the_limit_is_read(file):
    assert read_picture(file(huge_png(4000, 1000)), channels=1).shape == (1, 1000, 4000)


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif", "gif", "bmp"])
@pytest.mark.parametrize("kept", [0.3, 0.8])
def test_what_is_cut_off_is_refused_by_name(file, ending, kept):
    whole = file(Image.fromarray(random_bytes(3, 64, 64, 3)), f"whole.{ending}").read_bytes()
    with pytest.raises(ValueError, match=rf"cut\.{ending}.*Repair or remove"):
        read_picture(file(whole[: int(len(whole) * kept)], f"cut.{ending}"))


@pytest.mark.parametrize(
    "content", [b"", b"<html>404</html>", b"%PDF-1.4", b"<svg xmlns='http://www.w3.org/2000/svg'/>"]
)
def test_what_is_no_picture_is_refused_whatever_its_name(file, content):
    with pytest.raises(ValueError, match=r"Pictures are JPEG, PNG.*page\.jpg is none of them"):
        read_picture(file(content, "page.jpg"))


def test_a_picture_under_a_wrong_ending_is_read_for_what_it_is(file, tmp_path):
    path = file(Image.fromarray(COLOURS)).rename(tmp_path / "a.JPEG")
    assert np.array_equal(read_picture(path).permute(1, 2, 0), COLOURS)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere\.png cannot be opened"):
        read_picture(tmp_path / "nowhere.png")


def test_names_in_messages_show_what_would_disturb_them():
    assert printable("a\nb\x1b[31m\u202e\udcff-é-😀 c") == "a\\nb\\x1b[31m\\u202e\\udcff-é-😀 c"
