"""Folders of pictures: which files there are, and how a batch of them is fetched."""

import hashlib
import json
import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from datamodules.core.order import SampleIndex
from datamodules.core.sources import LabelledImages
from datamodules.files.decode import CMYK, open_picture, read_picture, shown
from lightning_cgan.disk_cache import cached
from lightning_cgan.errors import UserError

ENDINGS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".pbm", ".pgm", ".ppm", ".tif", ".tiff")
LOOKED_AT = 1_000
WHOLE, PIECE = 65_536, 4_096  # bytes up to which a file is hashed whole, and of each piece of a larger one


class Scan:
    """The pictures below some folders, by the ending of their names, each real file once.

    Hidden files and folders are left out. Links are followed wherever they lead, but for those to a folder that they
    lie in themselves, and after everything that is really there, so that a picture belongs to the folder it lies in.
    What is left out otherwise is told in a warning.

    Args:
        folders: to look through, at any depth; they exist.

    Attributes:
        found: for each of ``folders`` the paths of its pictures, in the order of their bytes.

    Raises:
        UserError: for a folder that may not be read.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        above = {place for folder in folders for place in (folder, *folder.parents)}
        self.seen = {identity(os.stat(place)) for place in above}
        self.links: list[tuple[str, list[str]]] = []
        self.others: list[str] = []
        self.dangling: list[str] = []
        found: list[list[str]] = [[] for _ in folders]
        for folder, files in zip(folders, found, strict=True):
            self.walk(os.fspath(folder), files)
        while self.links:
            waiting, self.links = sorted(self.links, key=lambda link: os.fsencode(link[0])), []
            for path, files in waiting:
                self.follow(path, files)
        self.found = [sorted(files, key=os.fsencode) for files in found]
        self.tell()

    def walk(self, folder: str, files: list[str]) -> None:
        try:
            entries = list(os.scandir(folder))
        except PermissionError as error:
            raise UserError(
                f"Folders of pictures are read with all that is below them; {shown(folder)} may not be read. "
                "Change its permissions, or remove it."
            ) from error
        device = os.stat(folder).st_dev
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_symlink():
                self.links.append((entry.path, files))
            elif entry.is_dir():
                if self.is_new(identity(os.stat(entry))):
                    self.walk(entry.path, files)
            elif not entry.name.lower().endswith(ENDINGS):
                self.others.append(entry.path)
            elif entry.is_file() and self.is_new((device, entry.inode())):
                files.append(entry.path)

    def follow(self, path: str, files: list[str]) -> None:
        if not os.path.exists(path):
            self.dangling.append(path)
        elif not leads_above(path) and self.is_new(identity(os.stat(path))):
            if os.path.isdir(path):
                self.walk(path, files)
            else:
                (files if path.lower().endswith(ENDINGS) else self.others).append(path)

    def is_new(self, file: tuple[int, int]) -> bool:
        new = file not in self.seen
        self.seen.add(file)
        return new

    def tell(self) -> None:
        for paths, what in (
            (self.others, "are left out because their names do not end as pictures' do"),
            (self.dangling, "are left out because they are links to what is not there"),
        ):
            if paths:
                first = min(paths, key=os.fsencode)
                warnings.warn(f"{len(paths)} files {what}. The first is {shown(first)}.", stacklevel=2)


def identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def leads_above(link: str) -> bool:
    """Whether ``link`` leads to a folder that it lies in itself."""
    here, there = os.path.realpath(os.path.dirname(link)), os.path.realpath(link)
    return os.path.join(here, "").startswith(os.path.join(there, ""))


def is_folder(path: Path) -> bool:
    """Whether ``path`` is a folder, or a link to one.

    Raises:
        UserError: for a link to what is not there: a folder on a disk that is not mounted must not count as none.
    """
    for place in (path.parent, path):
        if place.is_symlink() and not place.exists():
            raise UserError(
                f"Links are followed to where they lead; {shown(place)} leads to {shown(os.readlink(place))}, which is "
                "not there. Mount the disk that it is on, mend the link, or remove it."
            )
    return path.is_dir()


def class_folders(folder: Path) -> list[str]:
    """The names of the folders in ``folder`` that are not hidden, in the order of their bytes; none if there is none.

    Raises:
        UserError: for a link to what is not there.
    """
    if not is_folder(folder):
        return []
    names = [entry.name for entry in folder.iterdir() if not entry.name.startswith(".") and is_folder(entry)]
    return sorted(names, key=os.fsencode)


def name_below(folder: Path, path: str) -> str:
    """What a picture is called by which it is held out or not: its path below ``folder`` without the ending."""
    return os.path.splitext(os.path.relpath(path, folder))[0]


class Decoding(NamedTuple):
    """How a picture file becomes (channels, size, size) uint8."""

    size: int
    channels: int = 3
    crop: int | None = None  # side of the centre cut in pixels of the file; its short side when None
    background: tuple[int, int, int] = (255, 255, 255)
    cmyk: CMYK = "profile"

    def __call__(self, path: str) -> Tensor:
        picture = read_picture(path, self.channels, self.background, self.cmyk)
        picture = F.center_crop(picture, [self.crop or min(picture.shape[1:])] * 2)
        return F.resize(picture, [self.size, self.size], antialias=True)

    def told(self) -> str:
        return repr(tuple(self))


class Decodes(Protocol):
    """How a picture file becomes (channels, H, W) uint8."""

    @property
    def size(self) -> int: ...

    @property
    def channels(self) -> int: ...

    @property
    def cmyk(self) -> CMYK: ...

    def __call__(self, path: str) -> Tensor: ...

    def told(self) -> str:
        """In words, all that the images depend on."""


class Files(LabelledImages):
    """Labelled pictures on disk, decoded when asked for.

    Args:
        root: what the content hash names them from.
        path: (N) paths.
        label: (N,) int64.
        decoding: of each.
    """

    def __init__(self, root: Path, path: Sequence[str], label: Tensor, decoding: Decodes) -> None:
        self.root, self.path, self.label, self.decoding = root, path, label, decoding

    def images(self, at: SampleIndex) -> Tensor:
        flat = [self.decoding(self.path[place]) for place in at.image.flatten().tolist()]
        empty = torch.empty(0, self.decoding.channels, self.decoding.size, self.decoding.size, dtype=torch.uint8)
        return (torch.stack(flat) if flat else empty).unflatten(0, at.image.shape)

    def part(self, places: Sequence[int]) -> "Files":
        return Files(self.root, [self.path[p] for p in places], self.label[places], self.decoding)

    def check(self) -> "Files":
        """Itself, once the headers of at most 1,000 of its pictures were read; a whole set may take minutes.

        Raises:
            UserError: naming five of the files that are no pictures, or that no rule of decoding covers.
        """
        step = -(-len(self.path) // LOOKED_AT) or 1
        looked_at = self.path[::step]
        wrong = [reason for path in looked_at if (reason := problem(path, self.decoding.cmyk))]
        if wrong:
            raise UserError(
                f"Every file must be a picture; {len(wrong)} of {len(looked_at)} that were looked at in "
                f"{shown(self.root)} cannot be used. Mend or remove them, or set data.init_args.root.\n"
                + "\n".join(wrong[:5])
            )
        return self

    def sha256(self) -> str:
        """Of names, labels, contents and the way of decoding. Files are read once, until one's size or time changes."""
        said = hashlib.sha256(self.decoding.told().encode())
        for path, label in zip(self.path, self.label.tolist(), strict=True):
            said.update(stamp(path, str(label)))
        return cached(said.hexdigest(), self.content_hash)

    def names(self) -> list[str]:
        return [os.path.relpath(path, self.root) for path in self.path]

    def digests(self) -> list[int]:
        """Files are read once, until one's size or time changes."""

        def compute() -> str:
            with ThreadPoolExecutor() as pool:
                return json.dumps(list(pool.map(digest_of, self.path)))

        said = hashlib.sha256(b"digests\n")
        for path in self.path:
            said.update(stamp(path))
        return json.loads(cached(said.hexdigest(), compute))

    def content_hash(self) -> str:
        said = hashlib.sha256(self.decoding.told().encode())
        for path, label in zip(self.path, self.label.tolist(), strict=True):
            with open(path, "rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            said.update(os.fsencode(os.path.relpath(path, self.root)) + f" {label} {content}\n".encode())
        return said.hexdigest()


def digest_of(path: str) -> int:
    """A hash of 63 bits of a file's size and content; of the content of large ones, of three pieces."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        said = hashlib.blake2b(f"{size}/".encode(), digest_size=8)
        for start in (0,) if size <= WHOLE else (0, size // 2, size - PIECE):
            file.seek(start)
            said.update(file.read(WHOLE if size <= WHOLE else PIECE))
    return int.from_bytes(said.digest(), "big") >> 1


def stamp(path: str, label: str = "") -> bytes:
    """What changes when the file in ``path`` is changed, as far as can be told without reading it."""
    state = os.stat(path)
    return os.fsencode(path) + f" {label} {state.st_size} {state.st_mtime_ns}\n".encode()


def problem(path: str, cmyk: CMYK) -> str | None:
    """Why the picture in ``path`` cannot be used, as far as its header tells; None if it can."""
    try:
        open_picture(path, cmyk).close()
    except UserError as error:
        return str(error)
    return None


def nearest(name: str, names: Sequence[str]) -> str:
    """A sentence that names the one of ``names`` that ``name`` was most likely meant to be; empty if none is near."""
    known = {other.lower(): other for other in reversed(names)}
    found = get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    return f" The nearest is {known[found[0]]}." if found else ""
