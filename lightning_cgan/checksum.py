"""Checkpoint files that carry their own SHA-256, so that a changed bit is noticed before anything is loaded.

``torch.save`` writes a zip archive. The checksum is the archive's comment, as the zip format allows: there is no second
file that a kill could part from the first, and ``torch.load`` reads the file like any other.
"""

import hashlib
import zipfile
from pathlib import Path
from typing import Any, BinaryIO, cast

import torch

MARK = b"sha256:"
COMMENT = len(MARK) + 64
ENDING = 2 + COMMENT  # bytes: the comment's length, and the comment
BLOCK = 1 << 20


class DamagedFile(ValueError):
    """Says in a few words in which way a file is not what was written."""


class Checksummed:
    """What ``torch.save`` writes to: passes it on to ``file``, all but the last two bytes, which count the comment."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.held, self.digest = file, b"", hashlib.sha256()
        self.failure: OSError | None = None

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        last = (self.held + bytes(view[-2:]))[-2:]
        for part in (self.held, view[:-2]) if len(view) > 1 else ((self.held + bytes(view))[:-2],):
            self.put(part)
        self.held = last
        return len(view)

    def put(self, part: Any) -> None:
        self.digest.update(part)
        try:
            if self.failure is None:
                self.file.write(part)
        except OSError as error:  # torch would make of it an error that does not say what failed
            self.failure = error

    def flush(self) -> None:
        self.file.flush()

    def finish(self) -> None:
        if self.failure is not None:
            raise self.failure
        self.file.write(ending(self.digest.hexdigest()))


def ending(digest: str) -> bytes:
    return COMMENT.to_bytes(2, "little") + MARK + digest.encode()


def save(content: dict[str, Any], file: BinaryIO) -> None:
    """Writes ``content`` as ``torch.save`` does, with its checksum."""
    checksummed = Checksummed(file)
    torch.save(content, cast(BinaryIO, checksummed))
    checksummed.finish()


def check(file: BinaryIO) -> bool:
    """Whether ``file`` carries its SHA-256, which has then been found right.

    Without one, as older versions and others write checkpoints, the CRC-32 of each record has been found right.

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
    # No single changed bit makes the end of a file with a checksum look like that of an archive without a comment.
    if not (end[-22:].startswith(b"PK\5\6") and end.endswith(b"\0\0")):
        raise DamagedFile("its checksum is wrong" if MARK in end else "it ends too early, or is no checkpoint")
    try:
        broken = zipfile.ZipFile(file).testzip()
    except Exception as cause:  # whatever zipfile makes of random bytes
        raise DamagedFile("its parts cannot be read") from cause
    if broken:
        raise DamagedFile(f"the checksum of {broken} in it is wrong")
    return False


def load(path: str | Path, map_location: Any = "cpu") -> tuple[Any, bool]:
    """The content of the file and whether it carries a checksum; what is loaded is what has been checked.

    Raises:
        DamagedFile: if the content is not what was written.
        OSError: if the file cannot be read.
    """
    with open(path, "rb") as file:  # one file all along, also where a run saves a new one in its place
        sealed = check(file)
        file.seek(0)
        try:
            return torch.load(file, map_location=map_location, weights_only=True), sealed
        except Exception as cause:  # whatever torch makes of another kind of file
            raise DamagedFile("it is no checkpoint") from cause
