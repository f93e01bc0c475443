"""What the headers of picture files tell about a whole set, before any picture is decoded."""

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from datamodules.files.decode import CMYK, open_picture, shown
from datamodules.files.image_files import stamp
from datamodules.files.label_maps import listed
from lightning_cgan.disk_cache import cached
from lightning_cgan.errors import UserError

ORIENTATION = 0x0112  # of EXIF; from 5 on the picture lies on its side


class Size(NamedTuple):
    """Of a picture that stands upright."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width} x {self.height}"


def size_of(path: str, cmyk: CMYK) -> Size:
    """The size of the picture in ``path`` by its header.

    Raises:
        UserError: for a file that is no picture, or that no rule of :mod:`datamodules.files.decode` covers.
    """
    with open_picture(path, cmyk) as image:
        lies = image.getexif().get(ORIENTATION, 1) >= 5
        return Size(image.height, image.width) if lies else Size(image.width, image.height)


def sizes(paths: Sequence[str], cmyk: CMYK = "profile", key: str = "root") -> list[Size]:
    """The size of each picture. Headers are read once, until a file changes.

    Raises:
        UserError: naming the files that are no pictures, and ``key`` as what to set.
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
                f"Mend or remove them, or set data.init_args.{key}.\n" + listed(wrong)
            )
        return json.dumps(found)

    said = hashlib.sha256(f"headers {cmyk}\n".encode())
    for path in paths:
        said.update(stamp(path))
    return [Size(*size) for size in json.loads(cached(said.hexdigest(), compute))]


def check_halves(paths: Sequence[str], sizes: Sequence[Size]) -> None:
    """Files that hold two pictures side by side.

    Raises:
        UserError: naming those of odd width, which have no two halves.
    """
    odd = [f"{shown(path)}: {size}" for path, size in zip(paths, sizes, strict=True) if size.width % 2]
    if odd:
        raise UserError(
            "A file with two pictures side by side has an even width, and each half is one of them; "
            f"{len(odd)} of {len(paths)} have an odd one. Mend or remove them, or set data.init_args.root.\n"
            + listed(odd)
        )


def check_alike(pairs: Sequence[tuple[str, str]], a: Sequence[Size], b: Sequence[Size]) -> None:
    """Pairs of files.

    Raises:
        UserError: naming those whose pictures differ in size, so that no pixel has its place in both.
    """
    unlike = [
        f"{shown(of_a)}: {size_a}, but {shown(of_b)}: {size_b}"
        for (of_a, of_b), size_a, size_b in zip(pairs, a, b, strict=True)
        if size_a != size_b
    ]
    if unlike:
        raise UserError(
            f"Both pictures of a pair are of one size, or crops of them would not show the same; {len(unlike)} of "
            f"{len(pairs)} pairs differ. Mend or remove them, or set data.init_args.root.\n" + listed(unlike)
        )


def check_large_enough(paths: Sequence[str], sizes: Sequence[Size], least: int, ways: str) -> None:
    """Pictures to be cut to squares.

    Raises:
        UserError: naming those that are smaller, and ``ways`` out.
    """
    small = [f"{shown(path)}: {size}" for path, size in zip(paths, sizes, strict=True) if min(size) < least]
    if small:
        raise UserError(
            f"Squares of {least} pixels are cut out of the pictures; {len(small)} of {len(paths)} are smaller. "
            f"{ways}, or remove them.\n" + listed(small)
        )
