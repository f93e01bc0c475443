"""Checks of a whole set of pictures by their file headers, before any picture is decoded."""

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from datamodules.files.decode import CMYK, open_picture, printable
from datamodules.files.image_files import stamp
from datamodules.files.label_maps import listed
from lightning_cgan.disk_cache import cached
from lightning_cgan.errors import UserError

ORIENTATION = 0x0112  # the EXIF tag; from value 5 on, width and height are exchanged


class Size(NamedTuple):
    """Of a picture after its EXIF rotation."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width} x {self.height}"


def size_of(path: str, cmyk: CMYK) -> Size:
    """The size of the picture in ``path`` by its header.

    Raises:
        UserError: for a file that is not a picture, or that no rule of :mod:`datamodules.files.decode` covers.
    """
    with open_picture(path, cmyk) as image:
        rotated = image.getexif().get(ORIENTATION, 1) >= 5
        return Size(image.height, image.width) if rotated else Size(image.width, image.height)


def sizes(paths: Sequence[str], cmyk: CMYK = "profile", key: str = "root") -> list[Size]:
    """The size of each picture. Results are cached until a file changes.

    Raises:
        UserError: naming the files that are not pictures, and ``key`` as the setting to change.
    """

    def attempt(path: str) -> Size | str:
        try:
            return size_of(path, cmyk)
        except UserError as error:
            return str(error)

    def compute() -> str:
        with ThreadPoolExecutor() as pool:
            found = list(pool.map(attempt, paths))
        wrong = [one for one in found if isinstance(one, str)]
        if wrong:
            raise UserError(
                f"Every file must be a picture; {len(wrong)} of {len(paths)} cannot be used. "
                f"Repair or remove them, or set data.init_args.{key}.\n" + listed(wrong)
            )
        return json.dumps(found)

    digest = hashlib.sha256(f"headers {cmyk}\n".encode())
    for path in paths:
        digest.update(stamp(path))
    return [Size(*size) for size in json.loads(cached(digest.hexdigest(), compute))]


def check_halves(paths: Sequence[str], sizes: Sequence[Size]) -> None:
    """Check files that hold two pictures side by side.

    Raises:
        UserError: naming those of odd width.
    """
    odd = [f"{printable(path)}: {size}" for path, size in zip(paths, sizes, strict=True) if size.width % 2]
    if odd:
        raise UserError(
            "A file with two pictures side by side has an even width; "
            f"{len(odd)} of {len(paths)} have an odd one. Repair or remove them, or set data.init_args.root.\n"
            + listed(odd)
        )


def check_alike(pairs: Sequence[tuple[str, str]], a: Sequence[Size], b: Sequence[Size]) -> None:
    """Check that both pictures of each pair have the same size.

    Raises:
        UserError: naming the pairs that differ.
    """
    unlike = [
        f"{printable(of_a)}: {size_a}, but {printable(of_b)}: {size_b}"
        for (of_a, of_b), size_a, size_b in zip(pairs, a, b, strict=True)
        if size_a != size_b
    ]
    if unlike:
        raise UserError(
            f"Both pictures of a pair are of one size, so that crops of them match; {len(unlike)} of "
            f"{len(pairs)} pairs differ. Repair or remove them, or set data.init_args.root.\n" + listed(unlike)
        )


def check_large_enough(paths: Sequence[str], sizes: Sequence[Size], least: int, ways: str) -> None:
    """Check that every picture is large enough for a square crop of ``least`` pixels.

    Raises:
        UserError: naming those that are smaller, and ``ways`` to change that.
    """
    small = [f"{printable(path)}: {size}" for path, size in zip(paths, sizes, strict=True) if min(size) < least]
    if small:
        raise UserError(
            f"Squares of {least} pixels are cropped from the pictures; {len(small)} of {len(paths)} are smaller. "
            f"{ways}, or remove them.\n" + listed(small)
        )
