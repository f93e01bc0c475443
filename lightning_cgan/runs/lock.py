"""One process at a time works in a run folder."""

import json
import os
import platform
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from threading import Event, Thread
from types import TracebackType

from filelock import FileLock, Timeout
from lightning.pytorch.utilities import rank_zero_only

from lightning_cgan.console import info
from lightning_cgan.errors import UserError

BEAT = 20  # seconds between two signs of life
DEAD = 60  # seconds without one, after which a process of another host counts as gone
BOOT = Path("/proc/sys/kernel/random/boot_id")
HELD: dict[Path, "FolderLock"] = {}  # by this process, by their files


class FolderLock:
    """Holds a run folder for one command: ``fit.lock`` in it says which process of which host does, and since when.

    The operating system lets go of the lock when the process ends, however it ends, so the file of a dead process
    holds nothing. Where two hosts share a file system that does not lock between them, the holder's sign of life, the
    time of the file, decides instead.

    In the first process of a run only; in the others it does nothing.

    Args:
        folder: of the run; it is made where it is missing.
        command: that must not run twice in the folder, such as "fit".
    """

    def __init__(self, folder: str | Path, command: str) -> None:
        self.folder, self.command = Path(folder).absolute(), command
        self.path = self.folder / f"{command}.lock"
        self.made: list[Path] = []  # folders
        self.lock: FileLock | None = None

    def __enter__(self) -> "FolderLock":
        if not rank_zero_only.rank:  # type: ignore[attr-defined]  # set by Lightning
            self.acquire()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()

    def check_free(self) -> None:
        """Refuses early, before any work is done, what will be refused when it is to be held.

        Raises:
            UserError: if another process has it.
        """
        if self.path.exists():
            with self:
                pass

    def acquire(self) -> None:
        """Takes the lock.

        Raises:
            UserError: if another process has it.
        """
        parents = [self.folder, *self.folder.parents]
        self.made = [folder for folder in parents if not folder.exists()]
        lock = FileLock(self.path)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        except Timeout as cause:
            held = self.holder()
            if (held.get("host"), held.get("pid")) == (platform.node(), str(os.getppid())):
                return  # a process that the holder has started works for it
            raise UserError(self.refusal(self.holder())) from cause
        except OSError as cause:
            raise UserError(
                f"A command writes into its run folder; got {self.path}: {cause.strerror or cause}. "
                "Set --trainer.default_root_dir to a folder that can be written."
            ) from cause
        before = self.holder()
        if elsewhere(before) and abs(time.time() - self.path.stat().st_mtime) < DEAD:
            lock.release()
            raise UserError(
                f"{self.refusal(before)}\nIf that process is gone, which cannot be seen from here: remove {self.path}"
            )
        self.lock, self.stopped = lock, Event()
        self.path.write_text(json.dumps(own_name()))
        self.file = file_of(self.path)
        HELD[self.path] = self
        Thread(target=self.beat, args=(self.stopped,), daemon=True).start()

    def beat(self, stopped: Event) -> None:
        while not stopped.wait(BEAT):
            with suppress(OSError):
                os.utime(self.path)

    def release(self) -> None:
        """Lets go, and leaves no trace of having been there."""
        if self.lock is None:
            return
        self.stopped.set()
        if self.is_in_place():
            with suppress(OSError):
                self.path.unlink()
        self.lock.release()
        self.lock = None
        HELD.pop(self.path, None)
        with suppress(OSError):  # a folder with files in it stays
            for folder in self.made:
                folder.rmdir()

    def is_in_place(self) -> bool:
        """Whether the file that is locked is still the one in the folder, which may have been moved or removed."""
        return file_of(self.path) == self.file

    def renew(self) -> None:
        """Takes the lock again where the folder was moved or removed while it was held.

        Raises:
            UserError: if another process has taken it.
        """
        if self.lock is None or self.is_in_place():
            return
        info(f"warning: {self.folder} was moved or removed while a run writes into it: it is made again")
        self.stopped.set()
        old, self.lock = self.lock, None
        HELD.pop(self.path, None)
        try:
            self.acquire()
        finally:
            old.release()

    def follow(self, aside: Path) -> None:
        """Holds the folder, new and empty, after the one that was held has been renamed to ``aside``.

        Raises:
            UserError: if another process was faster.
        """
        if self.lock is None:
            return
        self.stopped.set()
        old, self.lock = self.lock, None
        try:
            self.acquire()
        finally:
            (aside / self.path.name).unlink(missing_ok=True)
            old.release()

    def holder(self) -> dict[str, str]:
        """What the lock file says of the process that wrote it; nothing where it says nothing."""
        with suppress(OSError, ValueError, RecursionError):
            held = json.loads(self.path.read_text())
            return held if isinstance(held, dict) else {}
        return {}

    def refusal(self, held: dict[str, str]) -> str:
        name = f"process {held.get('pid')} on {held.get('host')} since {held.get('since')}"
        who = name if held else "another process"
        return (
            f"One `{self.command}` at a time works in a run folder; got {self.folder}, which {who} has. "
            "Wait for its end, or set --trainer.default_root_dir to another folder."
        )


def own_name() -> dict[str, str]:
    since = datetime.now().astimezone().isoformat(timespec="seconds")
    return {"host": platform.node(), "boot": boot(), "pid": str(os.getpid()), "since": since}


def boot() -> str:
    """Which start of which machine this is; containers of one machine share its locks and this name."""
    try:
        return BOOT.read_text().strip()
    except OSError:
        return ""


def elsewhere(held: dict[str, str]) -> bool:
    """Whether the holder ran on another machine, where the operating system cannot tell of its end."""
    return bool(held) and held.get("host") != platform.node() and (not boot() or held.get("boot") != boot())


def file_of(path: Path) -> tuple[int, int] | None:
    """What tells the file at ``path`` from another one; None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def renew(folder: str | Path, command: str) -> None:
    """Holds the folder still, if this process does: it may have been moved or removed meanwhile.

    Raises:
        UserError: if another process has taken it.
    """
    if held := HELD.get(Path(folder).absolute() / f"{command}.lock"):
        held.renew()


def is_held(folder: str | Path, command: str) -> bool:
    """Whether this process holds the folder."""
    return Path(folder).absolute() / f"{command}.lock" in HELD
