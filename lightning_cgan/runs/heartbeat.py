"""Heartbeats between the processes of a run, so that the others do not hang if one is lost."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from torch.distributed import PrefixStore, Store, TCPStore

DONE = 1 << 40  # beats of a process that has finished
STRETCH = 4.0  # seconds; a longer one-second tick means that this process itself was stopped


class Heartbeat:
    """Sends a beat each second, and watches those of process ``rank + 1`` and of the first one, which has the store.

    A thread sends the beats, so a process that is busy for an hour still sends them, and one that is stopped or dead
    does not. Silence is counted in seconds during which the watcher itself was running: processes that were all
    suspended together do not time out.

    Args:
        address: host and port of the process group's store.
        name: name of this heartbeat; equal in all processes, unique among heartbeats.
        rank: rank of this process.
        world: number of processes.
        silence: seconds without a beat after which a process counts as hung.
        on_silent: called with a message, from a thread, when a process is silent.
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
        self.identity: dict[int, str] = {}  # pid, host and start time of the watched processes
        self.silent_for = dict.fromkeys(self.watched, 0.0)  # seconds since the last beat
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
            store.set(f"who/{self.rank}", own_identity())
            self.identity = {rank: store.get(f"who/{rank}").decode() for rank in self.watched}
            self.exchange(store)
        except Exception:  # the first process has ended, and the store with it: ``watch`` reports it
            return

    def exchange(self, store: Store) -> None:
        last = dict.fromkeys(self.watched, 0)
        while not self.over.is_set():
            store.add(f"beats/{self.rank}", 1)
            for rank in self.watched:
                beats = store.add(f"beats/{rank}", 0)
                if beats > last[rank] or beats >= DONE:
                    last[rank], self.silent_for[rank] = beats, 0.0
            self.over.wait(1)
        store.add(f"beats/{self.rank}", DONE)

    def watch(self) -> None:
        while not self.over.is_set():
            began = time.monotonic()
            time.sleep(1)
            elapsed = time.monotonic() - began
            for rank in self.watched:
                self.silent_for[rank] = self.silent_for[rank] + elapsed if elapsed < STRETCH else 0.0
            silent = [rank for rank in self.watched if self.silent_for[rank] >= self.silence]
            if silent and self.identity and not self.over.is_set():
                self.on_silent("; ".join(self.silence_message(rank) for rank in silent))

    def silence_message(self, rank: int) -> str:
        """The message about a silent process, which is killed if it is on this host: a stopped one would remain."""
        kill_local(self.identity[rank])
        return (
            f"process {rank} of {self.world} ({' '.join(self.identity[rank].split()[:4])}) has not answered for "
            f"{self.silence:.0f} s: it hangs, is stopped or has ended"
        )


def own_identity() -> str:
    """This process as "pid 12 on host", followed by its start time."""
    return f"pid {os.getpid()} on {socket.gethostname()} {start_time(os.getpid())}"


def start_time(pid: int) -> str:
    """The start time of a process in ticks since boot; "" if unknown."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def kill_local(identity: str) -> None:
    """Kill the process ``identity`` if it is on this host and its pid was not reused."""
    _, pid, _, host, *start = identity.split()
    if host == socket.gethostname() and start and start_time(int(pid)) == start[0]:
        os.kill(int(pid), signal.SIGKILL)
