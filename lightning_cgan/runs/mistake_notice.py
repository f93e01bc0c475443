"""A note in the store of a process group that a user's mistake was printed, so that several processes print it once."""

import socket
import threading
import time
from collections.abc import Callable
from datetime import timedelta

from torch.distributed import PrefixStore, Store, TCPStore

GRACE = 2.0  # seconds for a process to leave by itself after another one has printed a mistake


class MistakeNotice:
    """The note, as one process of the group sees it.

    Args:
        address: host and port of the store of the process group. Where nothing answers there, the first process, which
            holds the store, has not got so far, or is gone.
    """

    def __init__(self, address: tuple[str, int]) -> None:
        self.store = store_at(address)

    def claim(self) -> bool:
        """Whether this process is the first to find a mistake, and is to print it."""
        return self.store is not None and self.store.add("claimed", 1) == 1

    def post(self) -> None:
        """Say that the mistake was printed."""
        if self.store is not None:
            self.store.add("posted", 1)

    def leave(self, wait_for: int, seconds: float = 8.0) -> None:
        """Say that this process ends, and wait until ``wait_for`` in all have said so, ``seconds`` at most."""
        if self.store is None:
            return
        left, until = self.store.add("left", 1), time.monotonic() + seconds
        while left < wait_for and time.monotonic() < until:
            time.sleep(0.1)
            left = self.store.add("left", 0)

    def is_posted(self) -> bool:
        """Whether a process has printed a mistake and ended."""
        return self.store is not None and bool(self.store.add("posted", 0))


class MistakeWatch:
    """Looks once a second, in a thread, whether another process has printed a user's mistake and ended.

    A process that waits for that one in a collective call does not notice, or not for half an hour.

    Args:
        address: as for :class:`MistakeNotice`.
        leave: called from the thread, if this process does not end by itself.
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
            except RuntimeError:  # the first process is gone, and the store with it
                return
            if posted and not self.over.wait(GRACE):
                notice.leave(0)
                self.leave()


def store_at(address: tuple[str, int]) -> Store | None:
    """The part of the store at ``address`` that is for mistakes; None where nothing answers."""
    try:
        socket.create_connection(address, timeout=2).close()  # a TCPStore would try for long, with warnings
        store = TCPStore(*address, is_master=False, wait_for_workers=False, timeout=timedelta(seconds=5))
    except (OSError, RuntimeError):
        return None
    return PrefixStore("mistake", store)
