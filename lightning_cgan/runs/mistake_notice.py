"""A flag in the process group's store, so that only one of several processes prints a user error."""

import socket
import threading
import time
from collections.abc import Callable
from datetime import timedelta

from torch.distributed import PrefixStore, Store, TCPStore

GRACE = 2.0  # seconds for a process to end by itself after another one has printed an error


class MistakeNotice:
    """Access of one process to the flag.

    Args:
        address: host and port of the process group's store. ``store`` is None if it does not answer: the first
            process, which has the store, has not started it yet or has ended.
    """

    def __init__(self, address: tuple[str, int]) -> None:
        self.store = store_at(address)

    def claim(self) -> bool:
        """Whether this process is the first with an error, and has to print it."""
        return self.store is not None and self.store.add("claimed", 1) == 1

    def post(self) -> None:
        """Record that the error was printed."""
        if self.store is not None:
            self.store.add("posted", 1)

    def leave(self, wait_for: int, seconds: float = 8.0) -> None:
        """Record that this process ends, and wait until ``wait_for`` processes have done so, ``seconds`` at most."""
        if self.store is None:
            return
        left, until = self.store.add("left", 1), time.monotonic() + seconds
        while left < wait_for and time.monotonic() < until:
            time.sleep(0.1)
            left = self.store.add("left", 0)

    def is_posted(self) -> bool:
        """Whether a process has printed an error and ended."""
        return self.store is not None and bool(self.store.add("posted", 0))


class MistakeWatch:
    """Checks each second, in a thread, whether another process has printed a user error and ended.

    Otherwise a process that waits for it in a collective call would not notice, or only after half an hour.

    Args:
        address: as in :class:`MistakeNotice`.
        leave: called from the thread if this process does not end by itself.
    """

    def __init__(self, address: tuple[str, int], leave: Callable[[], None]) -> None:
        self.address, self.leave = address, leave
        self.over = threading.Event()

    def __enter__(self) -> None:
        threading.Thread(target=self.watch, daemon=True, name="mistake-watch").start()

    def __exit__(self, *_: object) -> None:
        self.over.set()

    def watch(self) -> None:
        notice = MistakeNotice(self.address)
        while not self.over.wait(1):
            notice = notice if notice.store else MistakeNotice(self.address)
            try:
                posted = notice.is_posted()
            except RuntimeError:  # the first process has ended, and the store with it
                return
            if posted and not self.over.wait(GRACE):
                notice.leave(0)
                self.leave()


def store_at(address: tuple[str, int]) -> Store | None:
    """The part of the store at ``address`` for errors; None if it does not answer."""
    try:
        socket.create_connection(address, timeout=2).close()  # a TCPStore would retry for a long time, with warnings
        store = TCPStore(*address, is_master=False, wait_for_workers=False, timeout=timedelta(seconds=5))
    except (OSError, RuntimeError):
        return None
    return PrefixStore("mistake", store)
