import warnings

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image, ImageCms

from datamodules.files.decode import read_picture
from tests.datamodules.picture_files import (
    ink_profile,
    linear_grey_profile,
    png_of_16_bits,
    swapped_profile,
)
from tests.datamodules.sets import random_bytes

COLOURS = random_bytes(0, 6, 5, 3)
GREYS = random_bytes(1, 6, 5)
WIDE = np.random.default_rng(2).integers(0, 65536, (6, 5, 4), dtype=np.uint16)
LOSSLESS = ["png", "bmp", "tif", "webp", "ppm"]


@pytest.fixture(autouse=True)
def no_warnings():
    """A picture that a rule covers is read without a word, unless the rule says otherwise."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def pixels(path, **reading):
    return read_picture(path, **reading).permute(1, 2, 0).numpy()


@pytest.mark.parametrize("ending", LOSSLESS)
def test_colours_are_read_as_they_are(file, ending):
    image = read_picture(file(Image.fromarray(COLOURS), f"a.{ending}", lossless=True))
    assert image.dtype == torch.uint8
    assert image.is_contiguous()
    assert np.array_equal(image.permute(1, 2, 0), COLOURS)


@pytest.mark.parametrize("ending", ["png", "bmp", "tif", "pgm", "gif"])
def test_grey_is_one_channel_or_three_equal_ones(file, ending):
    path = file(Image.fromarray(GREYS), f"a.{ending}")
    assert np.array_equal(pixels(path, channels=1)[..., 0], GREYS)
    assert np.array_equal(pixels(path), np.dstack([GREYS] * 3))


def test_one_channel_of_colours_is_their_luma(file):
    luma = COLOURS @ np.array([0.299, 0.587, 0.114])
    assert np.abs(pixels(file(Image.fromarray(COLOURS)), channels=1)[..., 0] - luma).max() <= 0.51


@pytest.mark.parametrize("ending", ["png", "tif", "bmp", "pbm", "gif"])
def test_single_bits_are_black_and_white(file, ending):
    bits = Image.fromarray(GREYS > 127)
    assert bits.mode == "1"
    assert np.array_equal(pixels(file(bits, f"a.{ending}"), channels=1)[..., 0], (GREYS > 127) * np.uint8(255))


@pytest.mark.parametrize("ending", ["png", "tif", "bmp", "gif"])
def test_palettes_become_their_colours(file, ending):
    image = Image.fromarray(GREYS % 4)
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 8, 7])
    assert image.mode == "P"
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 8, 7]])
    assert np.array_equal(pixels(file(image, f"a.{ending}")), colours[GREYS % 4])


def transparent(mode):
    """A picture whose left half is clear over hidden white, and whose right half is opaque (10, 10, 10)."""
    sample = np.full((4, 6, 4), 255, np.uint8)
    sample[:, :3, 3], sample[:, 3:, :3] = 0, 10
    image = Image.fromarray(sample)
    if mode == "P":
        image = Image.fromarray((sample[..., 3] > 0).astype(np.uint8))
        image.putpalette([255, 255, 255, 10, 10, 10])
        image.info["transparency"] = 0
    return image if mode == "P" else image.convert(mode)


@pytest.mark.parametrize(
    ("mode", "ending"),
    [("RGBA", "png"), ("RGBA", "tif"), ("RGBA", "webp"), ("LA", "png"), ("LA", "tif"), ("PA", "tif"), ("P", "png"),
     ("P", "gif")],
)  # fmt: skip
def test_what_is_transparent_shows_the_background_and_not_what_is_hidden(file, mode, ending):
    path = file(transparent(mode), f"a.{ending}", **({"lossless": True} if ending == "webp" else {}))
    image = pixels(path, background=(0, 100, 200))
    assert (image[:, :3] == (0, 100, 200)).all()
    assert (image[:, 3:] == 10).all()
    assert (pixels(path, channels=1)[:, :3] == 255).all()


def test_half_transparent_is_half_way_to_the_background(file):
    image = pixels(file(Image.new("RGBA", (3, 3), (200, 100, 0, 51))), background=(0, 0, 255))
    assert image[1, 1].tolist() == [40, 20, 204]


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_colour_that_means_transparent_shows_the_background(file, mode):
    image = Image.new(mode, (4, 4), 7 if mode == "L" else (7, 8, 9))
    path = file(image, transparency=7 if mode == "L" else (7, 8, 9))
    assert (pixels(path, background=(1, 2, 3)) == (1, 2, 3)).all()


def rounded(sample):
    return np.round(sample / 257).astype(np.uint8)


def test_grey_of_16_bits_is_rounded_and_not_clipped(file, tmp_path):
    grey = WIDE[..., 0]
    tifffile.imwrite(tmp_path / "a.tif", grey)
    tifffile.imwrite(tmp_path / "b.tif", grey, byteorder=">")
    paths = [file(Image.fromarray(grey)), file(b"P5 5 6 65535\n" + grey.astype(">u2").tobytes(), "c.pgm")]
    for path in (*paths, tmp_path / "a.tif", tmp_path / "b.tif"):
        assert np.array_equal(pixels(path, channels=1)[..., 0], rounded(grey))
        assert np.array_equal(pixels(path), np.dstack([rounded(grey)] * 3))


@pytest.mark.parametrize("tiff", [{}, {"byteorder": ">"}, {"compression": "zlib"}])
def test_colours_of_16_bits_are_rounded_and_not_cut(file, tmp_path, tiff):
    tifffile.imwrite(tmp_path / "a.tif", WIDE[..., :3], photometric="rgb", **tiff)
    portable = b"P6 5 6 65535\n" + WIDE[..., :3].astype(">u2").tobytes()
    for path in (tmp_path / "a.tif", file(png_of_16_bits(WIDE[..., :3], 2)), file(portable, "b.ppm")):
        assert np.array_equal(pixels(path), rounded(WIDE[..., :3]))


@pytest.mark.parametrize(("channels", "colour_type"), [(2, 4), (4, 6)])
def test_transparency_of_16_bits_is_composited(file, channels, colour_type):
    sample = WIDE[..., :channels]
    image = pixels(file(png_of_16_bits(sample, colour_type)), background=(0, 0, 0))
    assert np.abs(image - sample[..., :-1] / 257 * (sample[..., -1:] / 65535)).max() <= 1


def test_a_colour_of_16_bits_that_means_transparent_is_told_from_its_neighbours(file):
    sample = np.array([[[1000, 2000, 3000], [1001, 2000, 3000]]], np.uint16)
    image = pixels(file(png_of_16_bits(sample, 2, transparent=(1000, 2000, 3000))))
    assert image[0].tolist() == [[255, 255, 255], [4, 8, 12]]
    grey = pixels(file(png_of_16_bits(sample[..., :1], 0, transparent=(1000,))))
    assert grey[0].tolist() == [[255, 255, 255], [4, 4, 4]]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["jpg", "png", "webp"])
def test_pictures_stand_upright(file, orientation, ending):
    upright = np.zeros((16, 32, 3), np.uint8)
    upright[:8, :16] = 255
    stored = {1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
              5: upright.transpose(1, 0, 2), 6: np.rot90(upright), 7: upright[::-1, ::-1].transpose(1, 0, 2),
              8: np.rot90(upright, -1)}[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = pixels(file(Image.fromarray(np.ascontiguousarray(stored)), f"a.{ending}", exif=exif))
    assert image.shape == upright.shape
    assert np.abs(image.astype(int) - upright).mean() < 12


def test_a_picture_of_16_bits_stands_upright(file, tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", WIDE[..., :3], photometric="rgb", extratags=[(274, 3, 1, 3, True)])
    assert np.array_equal(pixels(tmp_path / "a.tif"), rounded(WIDE[::-1, ::-1, :3]))


@pytest.mark.parametrize(("ending", "saving"), [("gif", {}), ("png", {}), ("webp", {"lossless": True}), ("tif", {})])
def test_of_several_frames_the_first_is_taken_and_it_is_said(file, ending, saving):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    path = file(frames[0], f"a.{ending}", save_all=True, append_images=frames[1:], **saving)
    with pytest.warns(UserWarning, match=rf"a.{ending} has several frames, of which the first is taken"):
        image = pixels(path)
    assert (image == (255, 0, 0)).all()


def test_colours_are_turned_to_srgb_by_their_profile(file):
    red = Image.new("RGB", (4, 4), (255, 0, 0))
    assert np.abs(pixels(file(red, icc_profile=swapped_profile())).astype(int) - (0, 0, 255)).max() <= 2
    grey = file(Image.new("L", (4, 4), 128), icc_profile=linear_grey_profile())
    assert abs(int(pixels(grey, channels=1)[0, 0, 0]) - 188) <= 1


def test_a_profile_keeps_what_is_transparent(file):
    image = pixels(file(Image.new("RGBA", (4, 4), (255, 0, 0, 0)), icc_profile=swapped_profile()), background=(9, 9, 9))
    assert (image == 9).all()


def test_what_says_that_it_is_srgb_is_left_to_the_last_bit(file):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.array_equal(pixels(file(Image.fromarray(COLOURS), icc_profile=profile)), COLOURS)


@pytest.mark.parametrize(("profile", "meant"), [(b"no profile at all", "nothing readable"), (ink_profile(), "CMYK")])
def test_a_profile_for_other_colours_is_left_out_and_it_is_said(file, profile, meant):
    path = file(Image.fromarray(COLOURS), icc_profile=profile)
    with pytest.warns(UserWarning, match=f"has an ICC profile for {meant} and RGB samples; it is left out"):
        image = pixels(path)
    assert np.array_equal(image, COLOURS)


@pytest.mark.parametrize("ending", ["jpg", "tif"])
def test_inks_are_turned_to_colours_by_their_profile_or_refused(file, ending):
    cyan = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    assert pixels(file(cyan, f"a.{ending}", icc_profile=ink_profile())).max() <= 2
    path = file(cyan, f"b.{ending}")
    with pytest.raises(ValueError, match=r"CMYK without an ICC profile.*set data.init_args.cmyk to plain"):
        read_picture(path)
    assert np.abs(pixels(path, cmyk="plain").astype(int) - (0, 255, 255)).max() <= 2
