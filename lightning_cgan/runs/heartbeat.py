"""A sign of life from each process of a run to its neighbour: one that hangs or is gone does not hang the others."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from torch.distributed import PrefixStore, Store, TCPStore

DONE = 1 << 40  # beats of a process that has finished its work
STRETCH = 4.0  # of a tick, in its own length: longer, and this very process was stopped


class Heartbeat:
    """Beats once a second and watches process ``rank + 1`` and the first one, which holds the store.

    A thread beats, so a process that is busy for an hour beats too, and one that is stopped or gone does not. The
    silence is counted in seconds that the watcher itself has lived through: where all processes were suspended
    together, none has missed any.

    Args:
        address: host and port of the store that the process group has met at.
        name: of this watch; equal in all processes, and new for each.
        rank: number of this process.
        world: of all.
        silence: seconds without a beat after which a process counts as hung.
        on_silent: called from a thread with what to tell, when one is.
    """

    def __init__(
        self,
        address: tuple[str, int],
        name: str,
        rank: int,
        world: int,
        silence: float,
        on_silent: Callable[[str], None],
    ) -> None:
        self.address, self.name, self.rank, self.world = address, name, rank, world
        self.silence, self.on_silent = silence, on_silent
        self.watched = sorted({0, (rank + 1) % world} - {rank})
        self.who: dict[int, str] = {}  # where each of the watched runs
        self.heard = dict.fromkeys(self.watched, 0.0)  # seconds since its last beat
        self.over = threading.Event()

    def start(self) -> None:
        for work in (self.beat, self.watch):
            threading.Thread(target=work, daemon=True, name=f"heartbeat-{work.__name__}").start()

    def stop(self) -> None:
        self.over.set()

    def beat(self) -> None:
        host, port = self.address
        try:
            store = PrefixStore(self.name, TCPStore(host, port, is_master=False, wait_for_workers=False))
            store.set(f"who/{self.rank}", place())
            self.who = {rank: store.get(f"who/{rank}").decode() for rank in self.watched}
            self.exchange(store)
        except Exception:  # the store is gone or silent, and so is the first process: ``watch`` tells
            return

    def exchange(self, store: Store) -> None:
        known = dict.fromkeys(self.watched, 0)
        while not self.over.is_set():
            store.add(f"beats/{self.rank}", 1)
            for rank in self.watched:
                beats = store.add(f"beats/{rank}", 0)
                if beats > known[rank] or beats >= DONE:
                    known[rank], self.heard[rank] = beats, 0.0
            self.over.wait(1)
        store.add(f"beats/{self.rank}", DONE)

    def watch(self) -> None:
        while not self.over.is_set():
            began = time.monotonic()
            time.sleep(1)
            lived = time.monotonic() - began
            for rank in self.watched:
                self.heard[rank] = self.heard[rank] + lived if lived < STRETCH else 0.0
            silent = [rank for rank in self.watched if self.heard[rank] >= self.silence]
            if silent and self.who and not self.over.is_set():
                self.on_silent("; ".join(self.told(rank) for rank in silent))

    def told(self, rank: int) -> str:
        """What to say of a process that is silent. It is killed where it can be: a stopped one would live on."""
        kill_here(self.who[rank])
        return (
            f"process {rank} of {self.world} ({' '.join(self.who[rank].split()[:4])}) has not answered for "
            f"{self.silence:.0f} s: it hangs, is stopped or is gone"
        )


def place() -> str:
    """This process, as "pid 12 on host", and when it began."""
    return f"pid {os.getpid()} on {socket.gethostname()} {began(os.getpid())}"


def began(pid: int) -> str:
    """When a process began, in ticks since the machine did; empty where that is not known."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def kill_here(place: str) -> None:
    """Kill the process at ``place`` if it is of this machine and still the same."""
    _, pid, _, host, *start = place.split()
    if host == socket.gethostname() and start and began(int(pid)) == start[0]:
        os.kill(int(pid), signal.SIGKILL)
