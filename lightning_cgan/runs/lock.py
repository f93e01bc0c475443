"""A lock on the run folder, so that one process at a time writes to it."""

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

BEAT = 20  # seconds between two heartbeats
DEAD = 60  # seconds without a heartbeat after which a process of another host counts as dead
BOOT = Path("/proc/sys/kernel/random/boot_id")
HELD: dict[Path, "FolderLock"] = {}  # the locks of this process, by file


class FolderLock:
    """Lock of a run folder for one command; ``fit.lock`` in the folder names the process, its host and the time.

    The operating system releases the lock when the process ends in any way, so the file of a dead process has no
    effect. Where a file system does not lock between hosts, the holder's heartbeat, which is the modification time of
    the file, is used instead.

    Only the first process of a run acquires the lock.

    Args:
        folder: run folder; created if missing.
        command: command that must not run twice in the folder, such as "fit".
    """

    def __init__(self, folder: str | Path, command: str) -> None:
        self.folder, self.command = Path(folder).absolute(), command
        self.path = self.folder / f"{command}.lock"
        self.created: list[Path] = []  # folders
        self.lock: FileLock | None = None

    def __enter__(self) -> "FolderLock":
        if not rank_zero_only.rank:  # type: ignore[attr-defined]  # set by Lightning
            self.acquire()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()

    def check_free(self) -> None:
        """Check, before any work is done, that no other process holds the lock.

        Raises:
            UserError: if another process holds the lock.
        """
        if self.path.exists():
            with self:
                pass

    def acquire(self) -> None:
        """Acquire the lock.

        Raises:
            UserError: if another process holds the lock.
        """
        parents = [self.folder, *self.folder.parents]
        self.created = [folder for folder in parents if not folder.exists()]
        lock = FileLock(self.path)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        except Timeout as cause:
            holder = self.holder()
            if (holder.get("host"), holder.get("pid")) == (platform.node(), str(os.getppid())):
                return  # the holder started this process
            raise UserError(self.refusal(self.holder())) from cause
        except OSError as cause:
            raise UserError(
                f"The run folder must be writable; got {self.path}: {cause.strerror or cause}. "
                "Set --trainer.default_root_dir to a writable folder."
            ) from cause
        before = self.holder()
        if is_remote(before) and abs(time.time() - self.path.stat().st_mtime) < DEAD:
            lock.release()
            raise UserError(
                f"{self.refusal(before)}\nIf that process has ended, which is unknown on this host: remove {self.path}"
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
        """Release the lock and remove its file and the folders that were created."""
        if self.lock is None:
            return
        self.stopped.set()
        if self.is_in_place():
            with suppress(OSError):
                self.path.unlink()
        self.lock.release()
        self.lock = None
        HELD.pop(self.path, None)
        with suppress(OSError):  # a folder with files stays
            for folder in self.created:
                folder.rmdir()

    def is_in_place(self) -> bool:
        """Whether the locked file is still the one in the folder, which may have been moved or removed."""
        return file_of(self.path) == self.file

    def renew(self) -> None:
        """Acquire the lock again if the folder was moved or removed.

        Raises:
            UserError: if another process has acquired it.
        """
        if self.lock is None or self.is_in_place():
            return
        info(f"warning: {self.folder} was moved or removed while a run was writing to it; it was created again")
        self.stopped.set()
        old, self.lock = self.lock, None
        HELD.pop(self.path, None)
        try:
            self.acquire()
        finally:
            old.release()

    def follow(self, aside: Path) -> None:
        """Lock the new, empty folder after the locked one was renamed to ``aside``.

        Raises:
            UserError: if another process has acquired it.
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
        """The content of the lock file; empty if it cannot be read."""
        with suppress(OSError, ValueError, RecursionError):
            content = json.loads(self.path.read_text())
            return content if isinstance(content, dict) else {}
        return {}

    def refusal(self, holder: dict[str, str]) -> str:
        """The error message if ``holder`` has the lock."""
        name = f"process {holder.get('pid')} on {holder.get('host')} since {holder.get('since')}"
        return (
            f"One `{self.command}` at a time can use a run folder; got {self.folder}, in use by "
            f"{name if holder else 'another process'}. "
            "Wait for it to finish, or set --trainer.default_root_dir to another folder."
        )


def own_name() -> dict[str, str]:
    since = datetime.now().astimezone().isoformat(timespec="seconds")
    return {"host": platform.node(), "boot": boot(), "pid": str(os.getpid()), "since": since}


def boot() -> str:
    """The boot id of the machine; containers on it share it, as they share its file locks. "" if unknown."""
    try:
        return BOOT.read_text().strip()
    except OSError:
        return ""


def is_remote(holder: dict[str, str]) -> bool:
    """Whether the holder runs on another machine, where its end cannot be detected."""
    return bool(holder) and holder.get("host") != platform.node() and (not boot() or holder.get("boot") != boot())


def file_of(path: Path) -> tuple[int, int] | None:
    """Device and inode of the file at ``path``; None if there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def renew(folder: str | Path, command: str) -> None:
    """Renew this process's lock of the folder, which may have been moved or removed.

    Raises:
        UserError: if another process has acquired it.
    """
    if lock := HELD.get(Path(folder).absolute() / f"{command}.lock"):
        lock.renew()


def is_held(folder: str | Path, command: str) -> bool:
    """Whether this process holds the lock of the folder."""
    return Path(folder).absolute() / f"{command}.lock" in HELD
