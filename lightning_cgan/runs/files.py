"""Atomic file writing: after a kill or on a full disk, a file is either the old or the new one, never a part."""

import json
import os
import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from filelock import FileLock

from lightning_cgan.console import info

HOST = re.sub(r"[^\w-]", "_", platform.node()) or "host"
PARTIAL = re.compile(r"\..+\.(?P<host>[\w-]+)\.(?P<pid>\d+)\.partial")
Kind = TypeVar("Kind", dict[str, Any], list[Any])


def partial_of(path: Path) -> Path:
    """The temporary file of this process for ``path``; in the same folder, so that renaming is atomic."""
    return path.with_name(f".{path.name}.{HOST}.{os.getpid()}.partial")


@contextmanager
def replacing(path: Path, previous: Path | None = None) -> Iterator[BinaryIO]:
    """Context with a file that replaces the one at ``path`` once it is complete and on disk.

    Args:
        path: file to replace; its folder exists.
        previous: path that the old file is moved to; None to discard it.

    Raises:
        OSError: if it cannot be written; the file at ``path`` is then unchanged.
    """
    partial = partial_of(path)
    try:
        with open(partial, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if previous is not None and path.exists():
            keep(path, previous)
        os.replace(partial, path)
        sync(path.parent)
    except BaseException:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


def keep(path: Path, previous: Path) -> None:
    """Replace the file at ``previous`` by the one at ``path``, with a hard link if the file system has them."""
    second = partial_of(previous)
    second.unlink(missing_ok=True)
    try:
        os.link(path, second)
    except OSError:  # no hard links: a kill after this line leaves only ``previous``
        os.replace(path, previous)
    else:
        os.replace(second, previous)


def sync(folder: Path) -> None:
    """Sync the entries of ``folder`` to disk, where the system supports it."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Replace the file at ``path`` and create its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write(text.encode())


def write_json(path: Path, content: Any) -> None:
    write_text(path, json.dumps(content, indent=2) + "\n")


def read_json(path: Path, kind: type[Kind]) -> Kind:
    """The content of a JSON file of a run; empty if there is none.

    A broken file is renamed with a warning, so that it is not overwritten, and the run continues without it.
    """
    if not path.exists():
        return kind()
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:  # truncated, not text, or nested too deeply
        rename_broken(path, str(error).splitlines()[0])
        return kind()
    if isinstance(content, kind) and all(isinstance(entry, dict) for entry in entries(content)):
        return content
    rename_broken(path, "its content is not what a run writes")
    return kind()


def entries(content: dict[str, Any] | list[Any]) -> list[Any]:
    return list(content.values()) if isinstance(content, dict) else content


def rename_broken(path: Path, why: str) -> None:
    """Rename a broken file to a free name, with a warning."""
    number, broken = 1, path.with_name(f"{path.name}.broken")
    while broken.exists():
        number += 1
        broken = path.with_name(f"{path.name}.broken{number}")
    try:
        path.rename(broken)
    except OSError as error:
        info(f"warning: {path} is broken ({why}) and cannot be renamed: {error.strerror}")
    else:
        info(f"warning: {path} is broken ({why}); renamed to {broken.name}, and a new one is started")


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Lock ``path`` while it is read, changed and written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(f".{path.name}.lock")
    with FileLock(lock):
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)  # while held, so that a waiting process creates a new one


@contextmanager
def tolerated(what: str) -> Iterator[None]:
    """Context that turns an OSError into the warning that ``what`` could not be written, so that training continues."""
    try:
        yield
    except OSError as error:
        info(f"warning: {what} could not be written: {error.strerror or error}")


def remove_partial_files(folder: Path) -> None:
    """Remove temporary files of dead processes of this host."""
    for path in folder.glob(".*.partial"):
        named = PARTIAL.fullmatch(path.name)
        if named and named["host"] == HOST and not alive(int(named["pid"])):
            with suppress(OSError):
                path.unlink()


def alive(pid: int) -> bool:
    """Whether another process of this host has the id ``pid``."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # a process of another user
        return True
    return pid != os.getpid()
