"""Decoding of picture files to tensors by stated rules. A file that no rule covers is refused.

- Several frames or pages: the first is used, with a warning.
- The EXIF orientation is applied.
- 16-bit samples are divided by 257 and rounded. (Pillow itself clips grey ones and truncates coloured ones.)
- Palettes become their colours, single bits 0 and 255.
- Colours are converted to sRGB by the ICC profile in the file. A profile that cannot be read or is for other colours is
  ignored, with a warning; CMYK needs one. PNG's gAMA is ignored.
- Transparent pixels show the background colour, not the colour stored in the file.
- One channel of colours is ITU-R 601 luma; three channels of grey are equal.
- Refused: floats, integers of other widths, Lab, more than 50 million pixels, other formats, broken files.
  (Damage that Pillow does not report is not refused: a JPEG damaged in its middle decodes to wrong colours.)
"""

import io
import sys
import warnings
from collections.abc import Sequence
from functools import lru_cache
from os import PathLike, fspath
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image, ImageCms, ImageOps
from PIL.ImageFile import ImageFile
from torch import Tensor

from lightning_cgan.errors import UserError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "PPM", "TIFF")
MAX_PIXELS = 50_000_000
WHITE = (255, 255, 255)
CMYK = Literal["profile", "plain"]
Path = str | PathLike[str]

MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "YCbCr", "CMYK", "I;16", "I;16B", "I;16L"}
LOW_BYTE = {"16B": "16L", "16L": "16B", "16N": "16B" if sys.byteorder == "little" else "16L"}
WIDE = {f"{mode};{order}" for mode in ("RGB", "RGBA") for order in LOW_BYTE} | {"LA;16B"}
PROFILE_FITS = {"RGB": {"L", "RGB"}, "GRAY": {"L"}, "CMYK": {"CMYK"}}


def read_picture(path: Path, channels: int = 3, background: Sequence[int] = WHITE, cmyk: CMYK = "profile") -> Tensor:
    """Decode the picture in ``path`` by the rules of this module.

    Args:
        path: of a JPEG, PNG, WebP, GIF, BMP, PPM or TIFF file, with any extension.
        channels: 1 or 3.
        background: red, green and blue, 0 to 255, behind transparent pixels.
        cmyk: handling of CMYK without an ICC profile: "profile" refuses it; "plain" multiplies the complements of the
            inks, which is common and differs from the printed colour.

    Returns:
        (channels, H, W) uint8.

    Raises:
        UserError: for a file that cannot be read, or that no rule covers.
    """
    with open_picture(path, cmyk) as image:
        try:
            if getattr(image, "n_frames", 1) > 1:  # Pillow defines it for some formats only
                warn(path, "has several frames, of which the first is used")
            profile = image.info.get("icc_profile")
            upright = eight_bits(path, image) if is_wide(image) else ImageOps.exif_transpose(image)
            colour, alpha = parts(upright)
            colour = to_srgb(path, colour, profile).convert("RGB")
            if alpha is not None:
                colour = Image.composite(colour, Image.new("RGB", colour.size, tuple(background)), alpha)
            pixels = np.array(colour if channels == 3 else colour.convert("L"))
        except Exception as error:  # decoders raise many kinds of errors at broken files
            raise UserError(f"{printable(path)} cannot be decoded: {error}. Repair or remove the file.") from error
    return torch.from_numpy(pixels).view(*pixels.shape[:2], channels).permute(2, 0, 1).contiguous()


def open_picture(path: Path, cmyk: CMYK = "profile") -> ImageFile:
    """Open the picture in ``path``, reading only its header, and check that a rule covers it.

    Raises:
        UserError: for a file that is not a picture, or that no rule covers.
    """
    try:
        image = Image.open(path, formats=FORMATS)
        reason = refusal(image, cmyk)
    except Image.UnidentifiedImageError:
        raise UserError(
            f"Pictures are {', '.join(FORMATS)}; {printable(path)} is none of them, or broken. "
            "Repair or remove the file."
        ) from None
    except Exception as error:
        raise UserError(f"{printable(path)} cannot be opened: {error}. Repair or remove the file.") from error
    if reason:
        image.close()
        raise UserError(f"{printable(path)} {reason}")
    return image


def refusal(image: ImageFile, cmyk: CMYK) -> str | None:
    """Why no rule covers ``image``, by its header; None if one does."""
    if image.width * image.height > MAX_PIXELS:
        return f"has {image.width} x {image.height} pixels; at most {MAX_PIXELS:,} are decoded. Make it smaller."
    known = image.mode in MODES or (image.mode == "I" and image.format == "PPM")
    if not known or (image.format == "TIFF" and not is_plain_tiff(image)):
        return (
            f"has samples without a unique meaning as 8 bits (mode {image.mode}, {image.format}). "
            "Save it as 8-bit or 16-bit grey or RGB."
        )
    if image.mode == "CMYK" and cmyk == "profile" and space(image.info.get("icc_profile")) != "CMYK":
        return (
            "is CMYK without an ICC profile, so its colours are unknown. Save it as RGB, or set data.init_args.cmyk "
            "to plain."
        )
    return None


def is_plain_tiff(image: ImageFile) -> bool:
    """Whether Pillow reads the samples correctly: unsigned, and 16-bit ones in a byte order that it knows."""
    tags = image.tag_v2  # type: ignore[attr-defined]  # only TIFF files have it
    unsigned = set(tags.get(339, (1,))) == {1}
    if max(tags.get(258, (1,))) <= 8:
        return unsigned
    white_is_zero, planes = tags.get(262) == 0, tags.get(284, 1) == 2
    known = raw_modes(image) <= WIDE | {"I;16", "I;16B", "I;16N"}
    return unsigned and known and not white_is_zero and not planes


def raw_modes(image: ImageFile) -> set[str]:
    """Pillow's raw modes: how samples are stored in the file."""
    return {tile.args if isinstance(tile.args, str) else tile.args[0] for tile in image.tile if tile.args}


def is_wide(image: ImageFile) -> bool:
    """Whether samples have 16 bits."""
    return image.mode.startswith("I") or bool(raw_modes(image) & WIDE)


def eight_bits(path: Path, image: ImageFile) -> Image.Image:
    """The upright 8-bit version of a picture with 16-bit samples."""
    key = image.info.get("transparency")
    if image.mode.startswith("I"):
        sample = integers(image)
    elif raw_modes(image) == {"LA;16B"}:  # read as four bytes: high and low byte of each sample
        image.tile = [tile._replace(args="RGBA") for tile in image.tile]
        sample = integers(image)
        sample = sample[..., ::2] * 256 + sample[..., 1::2]
    else:  # Pillow returns the high bytes of coloured samples; with the other byte order, the low ones
        with Image.open(path, formats=FORMATS) as low:
            low.tile = [tile._replace(args=swapped(tile.args)) for tile in low.tile]
            sample = integers(image) * 256 + integers(low)
    if key is not None:
        opaque = (sample != key) if sample.ndim == 2 else (sample != key).any(-1)
        sample = np.dstack([sample, opaque * 65535])
    return Image.fromarray(((sample + 128) // 257).astype(np.uint8))


def integers(image: Image.Image) -> np.ndarray:
    """The upright samples, (H, W) or (H, W, channels)."""
    return np.asarray(ImageOps.exif_transpose(image)).astype(np.int64)


def swapped(args: Any) -> Any:
    """A tile's arguments, of which the first is mode and byte order, changed to the other byte of 16-bit samples."""
    if not isinstance(args, str):
        return (swapped(args[0]), *args[1:])
    mode, order = args.split(";")
    return f"{mode};{LOW_BYTE[order]}"


def parts(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """The colour (L, RGB or CMYK) and opacity (L) of ``image``; opacity is None if all is opaque."""
    grey = image.mode in ("1", "L", "LA")
    if not image.has_transparency_data:
        return image.convert("L" if grey else image.mode if image.mode == "CMYK" else "RGB"), None
    whole = image.convert("RGBA")
    return whole.getchannel("R") if grey else whole.convert("RGB"), whole.getchannel("A")


def to_srgb(path: Path, colour: Image.Image, profile: bytes | None) -> Image.Image:
    """``colour`` (L, RGB or CMYK) converted to sRGB by ``profile``; unchanged without a profile that fits."""
    if not profile:
        return colour
    profile_space = space(profile)
    if colour.mode not in PROFILE_FITS.get(profile_space, ()):
        known = profile_space or "nothing readable"
        warn(path, f"has an ICC profile for {known} and {colour.mode} samples; it is ignored")
        return colour
    colour = colour.convert("RGB") if profile_space == "RGB" else colour
    transform = srgb_transform(profile, colour.mode)
    return colour if transform is None else transform.apply(colour)


@lru_cache(maxsize=16)
def srgb_transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The transform from ``profile`` to sRGB with perceptual intent; None if its description is sRGB."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    if "sRGB" in ImageCms.getProfileDescription(source):
        return None
    return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")


@lru_cache(maxsize=16)
def space(profile: bytes | None) -> str:
    """The colour space of ``profile``: "RGB", "GRAY", "CMYK", ...; "" if it cannot be read."""
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(profile or b"")).profile.xcolor_space.strip()
    except OSError:
        return ""


def printable(path: Path) -> str:
    """``path`` for a message, with control characters and undecodable bytes escaped."""
    escaped = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in fspath(path))
    return "".join(escaped)


def warn(path: Path, what: str) -> None:
    warnings.warn(f"{printable(path)} {what}.", stacklevel=2)
