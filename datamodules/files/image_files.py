"""Folders of pictures: finding the files, and reading batches of them."""

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
from datamodules.files.decode import CMYK, open_picture, printable, read_picture
from lightning_cgan.disk_cache import cached
from lightning_cgan.errors import UserError

ENDINGS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".pbm", ".pgm", ".ppm", ".tif", ".tiff")
CHECKED = 1_000  # files of a set that are checked, at most
WHOLE, PIECE = 65_536, 4_096  # bytes: files up to WHOLE are hashed whole, larger ones in pieces of PIECE


class Scan:
    """Finds the pictures below some folders by the extension of their names, each real file once.

    Hidden files and folders are left out. Links are followed, except those to a folder that contains them; they are
    followed last, so that a picture belongs to the folder that it is really in. Other files that are left out cause a
    warning.

    Args:
        folders: to search, at any depth; they exist.

    Attributes:
        found: for each of ``folders`` the paths of its pictures, sorted by bytes.

    Raises:
        UserError: for a folder without read permission.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        above = {path for folder in folders for path in (folder, *folder.parents)}
        self.seen = {identity(os.stat(path)) for path in above}
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
        self.warn()

    def walk(self, folder: str, files: list[str]) -> None:
        try:
            entries = list(os.scandir(folder))
        except PermissionError as error:
            raise UserError(
                f"Folders of pictures are read with all folders below them; got {printable(folder)} without read "
                "permission. Change its permissions, or remove it."
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

    def warn(self) -> None:
        for paths, what in (
            (self.others, "are left out because their names do not have the extension of a picture"),
            (self.dangling, "are left out because they are broken links"),
        ):
            if paths:
                first = min(paths, key=os.fsencode)
                warnings.warn(f"{len(paths)} files {what}. The first is {printable(first)}.", stacklevel=2)


def identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def leads_above(link: str) -> bool:
    """Whether ``link`` leads to a folder that contains it."""
    here, there = os.path.realpath(os.path.dirname(link)), os.path.realpath(link)
    return os.path.join(here, "").startswith(os.path.join(there, ""))


def is_folder(path: Path) -> bool:
    """Whether ``path`` is a folder, or a link to one.

    Raises:
        UserError: for a broken link: a folder on a disk that is not mounted must not count as missing.
    """
    for link in (path.parent, path):
        if link.is_symlink() and not link.exists():
            raise UserError(
                f"Links lead to folders that exist; got {printable(link)} to {printable(os.readlink(link))}, which "
                "does not. Mount its disk, correct the link, or remove it."
            )
    return path.is_dir()


def class_folders(folder: Path) -> list[str]:
    """The names of the folders in ``folder`` that are not hidden, sorted by bytes; empty if it does not exist.

    Raises:
        UserError: for a broken link.
    """
    if not is_folder(folder):
        return []
    names = [entry.name for entry in folder.iterdir() if not entry.name.startswith(".") and is_folder(entry)]
    return sorted(names, key=os.fsencode)


def name_below(folder: Path, path: str) -> str:
    """The name by which a picture is assigned to a split: its path below ``folder`` without extension."""
    return os.path.splitext(os.path.relpath(path, folder))[0]


class Decoding(NamedTuple):
    """Decodes a picture file to (channels, size, size) uint8."""

    size: int
    channels: int = 3
    crop: int | None = None  # side of the centre crop in pixels of the file; its short side when None
    background: tuple[int, int, int] = (255, 255, 255)
    cmyk: CMYK = "profile"

    def __call__(self, path: str) -> Tensor:
        picture = read_picture(path, self.channels, self.background, self.cmyk)
        picture = F.center_crop(picture, [self.crop or min(picture.shape[1:])] * 2)
        return F.resize(picture, [self.size, self.size], antialias=True)

    def settings(self) -> str:
        return repr(tuple(self))


class Decodes(Protocol):
    """What :class:`Files` uses to decode a picture file to (channels, H, W) uint8."""

    @property
    def size(self) -> int: ...

    @property
    def channels(self) -> int: ...

    @property
    def cmyk(self) -> CMYK: ...

    def __call__(self, path: str) -> Tensor: ...

    def settings(self) -> str:
        """All settings that the images depend on, as text for hashes."""


class Files(LabelledImages):
    """Labelled pictures on disk, decoded on reading.

    Args:
        root: folder that names are relative to.
        path: (N) paths.
        label: (N,) int64.
        decoding: of each.
    """

    def __init__(self, root: Path, path: Sequence[str], label: Tensor, decoding: Decodes) -> None:
        self.root, self.path, self.label, self.decoding = root, path, label, decoding

    def images(self, at: SampleIndex) -> Tensor:
        flat = [self.decoding(self.path[index]) for index in at.image.flatten().tolist()]
        empty = torch.empty(0, self.decoding.channels, self.decoding.size, self.decoding.size, dtype=torch.uint8)
        return (torch.stack(flat) if flat else empty).unflatten(0, at.image.shape)

    def part(self, indices: Sequence[int]) -> "Files":
        """The pictures at ``indices``."""
        return Files(self.root, [self.path[index] for index in indices], self.label[indices], self.decoding)

    def check(self) -> "Files":
        """Check the headers of at most 1,000 pictures, evenly spaced, and return ``self``.

        Raises:
            UserError: naming five of the files that are not pictures, or that no rule of decoding covers.
        """
        step = -(-len(self.path) // CHECKED) or 1
        checked = self.path[::step]
        wrong = [reason for path in checked if (reason := problem(path, self.decoding.cmyk))]
        if wrong:
            raise UserError(
                f"Every file must be a picture; {len(wrong)} of {len(checked)} that were checked in "
                f"{printable(self.root)} cannot be used. Repair or remove them, or set data.init_args.root.\n"
                + "\n".join(wrong[:5])
            )
        return self

    def sha256(self) -> str:
        """A hash of names, labels, contents and decoding, cached until the size or time of a file changes."""
        digest = hashlib.sha256(self.decoding.settings().encode())
        for path, label in zip(self.path, self.label.tolist(), strict=True):
            digest.update(stamp(path, str(label)))
        return cached(digest.hexdigest(), self.content_hash)

    def names(self) -> list[str]:
        return [os.path.relpath(path, self.root) for path in self.path]

    def digests(self) -> list[int]:
        """Hashes of the files' contents, cached until the size or time of a file changes."""

        def compute() -> str:
            with ThreadPoolExecutor() as pool:
                return json.dumps(list(pool.map(digest_of, self.path)))

        digest = hashlib.sha256(b"digests\n")
        for path in self.path:
            digest.update(stamp(path))
        return json.loads(cached(digest.hexdigest(), compute))

    def content_hash(self) -> str:
        digest = hashlib.sha256(self.decoding.settings().encode())
        for path, label in zip(self.path, self.label.tolist(), strict=True):
            with open(path, "rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            digest.update(os.fsencode(os.path.relpath(path, self.root)) + f" {label} {content}\n".encode())
        return digest.hexdigest()


def digest_of(path: str) -> int:
    """A 63-bit hash of a file's size and content; of large files only three pieces are read."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        digest = hashlib.blake2b(f"{size}/".encode(), digest_size=8)
        for start in (0,) if size <= WHOLE else (0, size // 2, size - PIECE):
            file.seek(start)
            digest.update(file.read(WHOLE if size <= WHOLE else PIECE))
    return int.from_bytes(digest.digest(), "big") >> 1


def stamp(path: str, label: str = "") -> bytes:
    """Path, ``label``, size and time of a file: a cache key that changes with the file."""
    state = os.stat(path)
    return os.fsencode(path) + f" {label} {state.st_size} {state.st_mtime_ns}\n".encode()


def problem(path: str, cmyk: CMYK) -> str | None:
    """Why the picture in ``path`` cannot be used, by its header; None if it can."""
    try:
        open_picture(path, cmyk).close()
    except UserError as error:
        return str(error)
    return None


def nearest(name: str, names: Sequence[str]) -> str:
    """A sentence with the one of ``names`` that is most similar to ``name``; empty if none is similar."""
    known = {other.lower(): other for other in reversed(names)}
    found = get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    return f" The nearest is {known[found[0]]}." if found else ""
