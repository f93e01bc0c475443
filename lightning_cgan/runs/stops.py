"""Handling of the signals that stop a run, and the exception that ends it."""

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

UNFINISHED = 75  # EX_TEMPFAIL: a planned stop; the same command resumes
# Exit status by signal. SLURM's --signal can send SIGUSR1 before the time limit.
STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGUSR1: UNFINISHED}


class Stopped(SystemExit):
    """Ends a run early, after its state was saved and a message printed.

    Args:
        status: exit status of the process.
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)


class Signals:
    """Handles SIGINT, SIGTERM, SIGHUP and SIGUSR1 between ``install`` and ``restore``.

    The first is stored as ``caught`` and passed to ``on_first``, which may raise; the second ends the process at once.
    Loader processes forked from this one ignore all signals: they also receive those of a terminal or of SLURM, and
    the run needs their batches until it has saved.

    Args:
        on_first: called with the first signal, in the main thread.
        on_second: called with the second signal, before the process ends.
    """

    def __init__(
        self, on_first: Callable[[signal.Signals], None], on_second: Callable[[], None] = lambda: None
    ) -> None:
        self.on_first, self.on_second = on_first, on_second
        self.caught: signal.Signals | None = None
        self.before: dict[signal.Signals, Any] = {}
        self.terminals: list[int] = []

    def install(self) -> None:
        """Install the handlers; signals that are ignored, as under nohup, stay ignored. May be called again."""
        if threading.current_thread() is not threading.main_thread():
            return  # Python allows handlers only there
        self.owner = os.getpid()
        self.terminals = [stream for stream in (1, 2) if os.isatty(stream)]
        for number in STATUS:
            present = signal.getsignal(number)
            if present != self.handle and present != signal.SIG_IGN:
                self.before.setdefault(number, present)
                signal.signal(number, self.handle)

    def restore(self) -> None:
        """Restore the earlier handlers."""
        for number, handler in self.before.items():
            if signal.getsignal(number) == self.handle:
                signal.signal(number, handler)
        self.before = {}

    def handle(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self.owner:
            return
        if number == signal.SIGHUP:
            self.leave_terminal()
        if self.caught is not None:
            note(f"second {signal.Signals(number).name}: leaving at once")
            self.on_second()
            os._exit(STATUS[signal.Signals(number)])
        self.caught = signal.Signals(number)
        self.on_first(self.caught)

    def leave_terminal(self) -> None:
        """Redirect output to a closed terminal to /dev/null: writing would fail before the run has saved."""
        null = os.open(os.devnull, os.O_WRONLY)
        for stream in self.terminals:
            if not os.isatty(stream):
                os.dup2(null, stream)
        os.close(null)


def raise_stop(number: signal.Signals) -> None:
    """An ``on_first`` for when there is nothing to save: raises KeyboardInterrupt for Ctrl-C, otherwise ``Stopped``."""
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    note(f"{number.name}: stopped; the same command resumes from the last checkpoint, if there is one")
    raise Stopped(STATUS[number])


def note(line: str) -> None:
    """Print a line from a signal handler, where ``print`` is not reentrant."""
    try:
        os.write(2, f"{line}\n".encode())
    except OSError:
        return
