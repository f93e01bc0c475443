"""Writing files so that a kill or a full disk leaves the old one or the new one, never half of one."""

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
    """Where this process writes what is to stand at ``path``: in the same folder, so that renaming is one step."""
    return path.with_name(f".{path.name}.{HOST}.{os.getpid()}.partial")


@contextmanager
def replacing(path: Path, previous: Path | None = None) -> Iterator[BinaryIO]:
    """A file that takes the place of the one at ``path`` when it is complete and on the disk.

    Args:
        path: of the file; its folder exists.
        previous: where the file that stood at ``path`` is kept, instead of the one that was kept before.

    Raises:
        OSError: if it cannot be written; then what stood at ``path`` still does.
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
    """Puts the file at ``path`` in the place of ``previous`` too; it keeps its first name where it can have two."""
    second = partial_of(previous)
    second.unlink(missing_ok=True)
    try:
        os.link(path, second)
    except OSError:  # a file system without hard links: a kill after this line leaves ``previous`` alone
        os.replace(path, previous)
    else:
        os.replace(second, previous)


def sync(folder: Path) -> None:
    """The names in ``folder`` are on the disk too, where the system can promise that."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Replaces the file at ``path``, and makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write(text.encode())


def write_json(path: Path, content: Any) -> None:
    write_text(path, json.dumps(content, indent=2) + "\n")


def read_json(path: Path, kind: type[Kind]) -> Kind:
    """What a file of a run holds; empty where there is none.

    A broken one is set aside, which is said: what was in it is not overwritten, and the run goes on without.
    """
    if not path.exists():
        return kind()
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:  # half a file, no text, or brackets without end
        aside(path, str(error).splitlines()[0])
        return kind()
    if isinstance(content, kind) and all(isinstance(entry, dict) for entry in entries(content)):
        return content
    aside(path, "it holds something else than a run writes")
    return kind()


def entries(content: dict[str, Any] | list[Any]) -> list[Any]:
    return list(content.values()) if isinstance(content, dict) else content


def aside(path: Path, why: str) -> None:
    """Renames a broken file, to a name that is free, and says so."""
    number, broken = 1, path.with_name(f"{path.name}.broken")
    while broken.exists():
        number += 1
        broken = path.with_name(f"{path.name}.broken{number}")
    try:
        path.rename(broken)
    except OSError as error:
        info(f"warning: {path} is broken ({why}) and cannot be renamed: {error.strerror}")
    else:
        info(f"warning: {path} is broken ({why}); it is now {broken.name}, and a new one is begun")


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Reading ``path``, changing it and writing it again without another process doing the same in between."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(f".{path.name}.lock")
    with FileLock(lock):
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)  # held, so that who waits for it takes a new one


@contextmanager
def tolerated(what: str) -> Iterator[None]:
    """A file of a run that cannot be written is a warning, in one line; the training is worth more."""
    try:
        yield
    except OSError as error:
        info(f"warning: {what} could not be written: {error.strerror or error}")


def remove_partial_files(folder: Path) -> None:
    """Removes what processes that are no more have left half written; a process of another host is not known."""
    for path in folder.glob(".*.partial"):
        named = PARTIAL.fullmatch(path.name)
        if named and named["host"] == HOST and not alive(int(named["pid"])):
            with suppress(OSError):
                path.unlink()


def alive(pid: int) -> bool:
    """Whether another process of this host has the number ``pid``."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # of another user
        return True
    return pid != os.getpid()
