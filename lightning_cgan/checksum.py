"""Checkpoint files with an embedded SHA-256, verified before anything is loaded.

``torch.save`` writes a zip archive. The checksum is stored as the archive comment, which the zip format allows: a
kill cannot separate it from the file, as it could a second file, and ``torch.load`` reads the file unchanged.
"""

import hashlib
import zipfile
from pathlib import Path
from typing import Any, BinaryIO, cast

import torch

MARK = b"sha256:"
COMMENT = len(MARK) + 64
ENDING = 2 + COMMENT  # bytes: the length of the comment (2), and the comment
BLOCK = 1 << 20  # bytes read at a time


class DamagedFile(ValueError):
    """A file differs from what was written. The message is a clause that continues "<file>: "."""


class Checksummed:
    """File object for ``torch.save`` that hashes what it writes to ``file`` and replaces the empty archive comment.

    The last two bytes of an archive without comment are the comment's length, 0. They are held back; :meth:`finish`
    writes the length and the comment with the checksum in their place.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.pending, self.digest = file, b"", hashlib.sha256()
        self.failure: OSError | None = None

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        last = (self.pending + bytes(view[-2:]))[-2:]
        for part in (self.pending, view[:-2]) if len(view) > 1 else ((self.pending + bytes(view))[:-2],):
            self.put(part)
        self.pending = last
        return len(view)

    def put(self, part: Any) -> None:
        self.digest.update(part)
        try:
            if self.failure is None:
                self.file.write(part)
        except OSError as error:  # raised in finish(): torch would replace it by an error without the cause
            self.failure = error

    def flush(self) -> None:
        self.file.flush()

    def finish(self) -> None:
        if self.failure is not None:
            raise self.failure
        self.file.write(ending(self.digest.hexdigest()))


def ending(digest: str) -> bytes:
    """The last ``ENDING`` bytes of a file with the hexadecimal SHA-256 ``digest``."""
    return COMMENT.to_bytes(2, "little") + MARK + digest.encode()


def save(content: dict[str, Any], file: BinaryIO) -> None:
    """Write ``content`` to ``file`` like ``torch.save``, with its checksum.

    Raises:
        OSError: if the file cannot be written.
    """
    checksummed = Checksummed(file)
    torch.save(content, cast(BinaryIO, checksummed))
    checksummed.finish()


def check(file: BinaryIO) -> bool:
    """Verify ``file``; True if it has an embedded SHA-256, which then matches.

    A file without one, as written by older versions and other programs, is verified by the CRC-32 of each record.

    Raises:
        DamagedFile: if the content is not what was written.
    """
    digest = hashlib.sha256()
    left = max(file.seek(0, 2) - ENDING, 0)
    file.seek(0)
    while left and (block := file.read(min(BLOCK, left))):
        digest.update(block)
        left -= len(block)
    end = file.read()
    if end == ending(digest.hexdigest()):
        return True
    # No single flipped bit turns the end of a file with checksum into that of an archive without comment.
    if not (end[-22:].startswith(b"PK\5\6") and end.endswith(b"\0\0")):
        raise DamagedFile("its checksum is wrong" if MARK in end else "it ends too early, or is no checkpoint")
    try:
        broken = zipfile.ZipFile(file).testzip()
    except Exception as cause:  # zipfile raises many kinds of errors for damaged bytes
        raise DamagedFile("its records cannot be read") from cause
    if broken:
        raise DamagedFile(f"the checksum of its record {broken} is wrong")
    return False


def load(path: str | Path, map_location: Any = "cpu") -> tuple[Any, bool]:
    """Verified content of the file at ``path``, and whether it has an embedded checksum.

    Raises:
        DamagedFile: if the content is not what was written.
        OSError: if the file cannot be read.
    """
    with open(path, "rb") as file:  # the file that was verified, even if a run replaces it meanwhile
        sealed = check(file)
        file.seek(0)
        try:
            return torch.load(file, map_location=map_location, weights_only=True), sealed
        except Exception as cause:  # torch raises many kinds of errors for files of another kind
            raise DamagedFile("it is no checkpoint") from cause
