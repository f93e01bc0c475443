"""Heartbeats between the processes of a run, so that a lost process does not make the others hang."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from torch.distributed import PrefixStore, Store, TCPStore

DONE = 1 << 40  # beats of a process that has finished
STRETCH = 4.0  # a tick this many times longer means that this process itself was stopped


class Heartbeat:
    """Beats once a second and watches process ``rank + 1`` and the first one, which holds the store.

    A thread sends the beats, so a process that is busy for an hour still beats, and one that is stopped or dead does
    not. The silence is counted in seconds during which the watcher itself ran: processes that were all suspended
    together do not time out.

    Args:
        address: host and port of the process group's store.
        name: of this heartbeat; equal in all processes, unique over heartbeats.
        rank: of this process.
        world: number of processes.
        silence: seconds without a beat after which a process counts as hung.
        on_silent: called from a thread with a message, when a process is silent.
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
        self.who: dict[int, str] = {}  # host and pid of the watched processes
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
        except Exception:  # the store and the first process are gone: ``watch`` reports it
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
                self.on_silent("; ".join(self.silence_message(rank) for rank in silent))

    def silence_message(self, rank: int) -> str:
        """The message for a silent process; it is killed if it is on this host, because a stopped one would stay."""
        kill_here(self.who[rank])
        return (
            f"process {rank} of {self.world} ({' '.join(self.who[rank].split()[:4])}) has not answered for "
            f"{self.silence:.0f} s: it hangs, is stopped or is gone"
        )


def place() -> str:
    """This process as "pid 12 on host", with its start time."""
    return f"pid {os.getpid()} on {socket.gethostname()} {began(os.getpid())}"


def began(pid: int) -> str:
    """The start time of a process in ticks since boot; "" if unknown."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def kill_here(place: str) -> None:
    """Kill the process at ``place`` if it is on this machine and still the same."""
    _, pid, _, host, *start = place.split()
    if host == socket.gethostname() and start and began(int(pid)) == start[0]:
        os.kill(int(pid), signal.SIGKILL)
