"""Processes that are killed while they save; a fork, so that nothing is imported anew."""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from lightning_cgan.runs.checkpoint_files import LAST, PREVIOUS, update_of
from lightning_cgan.runs.checkpoint_io import SafeCheckpointIO
from lightning_cgan.runs.lock import FolderLock


def state(update, size=200_000):
    """What a checkpoint of an update holds; every value tells of the update."""
    weights = {"weight": torch.full((size,), float(update)), "bias": torch.full((size // 10,), -float(update))}
    return {"global_step": update, "state_dict": weights, "hyper_parameters": {"model": {}}}


def is_whole(content, update):
    wanted = state(update, len(content["state_dict"]["weight"]))
    return all(torch.equal(value, wanted["state_dict"][name]) for name, value in content["state_dict"].items())


def forked(work: Callable[[], None]) -> int:
    """The status of a child that does ``work``: its exit code, or minus the signal that ended it."""
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        work()
        code = 0
    finally:
        os._exit(code)


def killed_at(point: str, work: Callable[[], None]) -> bool:
    """Whether ``work`` came to ``point`` of a save and was killed there.

    Points: "open", "half", "fsync", "link", "previous", "replace", "replaced".
    """

    def die(*_, **__):
        os.kill(os.getpid(), signal.SIGKILL)

    real, seen = os.replace, []

    def replace(source, target):
        name = Path(target).name
        if (point, name) in (("previous", PREVIOUS), ("replace", LAST)):
            die()
        real(source, target)
        if (point, name) == ("replaced", LAST):
            die()

    def writes(save):
        def write(checksummed, data):
            seen.append(len(data))
            return die() if len(seen) > 1 and point == "half" else save(checksummed, data)

        return write

    def mortal():
        from lightning_cgan.checksum import Checksummed

        os.replace = replace
        os.link = die if point == "link" else os.link
        os.fsync = die if point == "fsync" else os.fsync
        Checksummed.write = writes(Checksummed.write)
        Checksummed.__init__ = die if point == "open" else Checksummed.__init__
        work()

    return forked(mortal) == -signal.SIGKILL


@contextmanager
def held(folder: Path, work: Callable[[], None] = lambda: None) -> Iterator[int]:
    """Another process trains in the folder, and is killed at the end; its number."""
    reading, writing = os.pipe()
    if not (child := os.fork()):
        try:
            with FolderLock(folder, "fit"):
                work()
                os.write(writing, b"!")
                time.sleep(600)
        finally:
            os._exit(1)
    os.read(reading, 1)
    try:
        yield child
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reading)
        os.close(writing)


POINTS = ("open", "half", "fsync", "link", "previous", "replace", "replaced")


def save_on(folder: Path, update: int, content: Callable[[int], dict], writing: int) -> None:
    io = SafeCheckpointIO()
    while True:
        os.write(writing, update.to_bytes(4, "little"))
        io.save_checkpoint(content(update), folder / LAST)
        update += 1


def killed_while_saving(folder: Path, first: int, rng: random.Random, content: Callable[[int], dict]) -> int:
    """A child saves update after update from ``first`` on, until it is killed; the update that it was saving."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            save_on(folder, first, content, writing)
        finally:
            os._exit(1)
    os.close(writing)
    for _ in range(2):  # the second save rotates
        update = int.from_bytes(os.read(reading, 4), "little")
    time.sleep(rng.random() * 0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while more := os.read(reading, 4):
        update = int.from_bytes(more, "little")
    os.close(reading)
    return update


def newest(folder: Path) -> tuple[Path, int]:
    """The newest checkpoint that verifies, and its update."""
    for name in (LAST, PREVIOUS):
        if (update := update_of(folder / name)) is not None:
            return folder / name, update
    raise AssertionError(f"nothing in {folder} verifies: {sorted(path.name for path in folder.iterdir())}")
