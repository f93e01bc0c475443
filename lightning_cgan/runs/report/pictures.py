"""Pictures of a run as data URIs, reduced to the size of the page."""

import re
from base64 import b64encode
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from PIL import Image

FRAMES = 12  # of the film strip
THUMBNAIL = 400  # pixels, twice the size on the page, for high-resolution screens
LARGEST = 1_600  # pixels of a picture in full
HEAVIEST = 400_000  # bytes up to which a picture is embedded unchanged


class Picture(NamedTuple):
    uri: str
    name: str  # of the file
    width: int
    height: int
    smaller: bool  # than the file
    update: int | None = None


def picture(path: Path, at_most: int | None = None) -> Picture:
    """The picture in ``path``.

    Args:
        path: of a PNG file.
        at_most: pixels of its longer side; None embeds the file unchanged unless it is too large.

    Raises:
        OSError: if it cannot be read.
    """
    update = int(path.stem) if re.fullmatch(r"[0-9]+", path.stem) else None
    with Image.open(path) as image:
        image.load()
        size = image.size
        if at_most is None and path.stat().st_size <= HEAVIEST and image.format == "PNG":
            return Picture(uri("png", path.read_bytes()), path.name, *size, False, update)
        shown = image.convert("RGB")
    shown.thumbnail((at_most or LARGEST,) * 2, Image.Resampling.LANCZOS)
    buffer = BytesIO()
    shown.save(buffer, "WEBP", quality=82)
    return Picture(uri("webp", buffer.getvalue()), path.name, *shown.size, shown.size != size, update)


def uri(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{b64encode(content).decode()}"


def frames(folder: Path) -> list[Path]:
    """At most ``FRAMES`` of the sample grids of training, evenly spaced from the first to the last."""
    paths = sorted(
        (path for path in folder.glob("*.png") if re.fullmatch(r"\d+", path.stem)), key=lambda p: int(p.stem)
    )
    last = len(paths) - 1
    return [paths[round(place * last / (FRAMES - 1))] for place in range(FRAMES)] if last >= FRAMES else paths


def final(folder: Path) -> Path | None:
    """The sample grid of the test, else of ``validate``, else the last of training."""
    named = [path for name in ("test", "validate") if (path := folder / f"{name}.png").is_file()]
    drawn = frames(folder)
    return named[0] if named else drawn[-1] if drawn else None
