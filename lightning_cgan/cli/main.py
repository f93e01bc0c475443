"""``lightning-cgan``: the Trainer's commands, and tools on what runs have written, which start without Lightning."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib import import_module
from types import FrameType

from lightning_cgan.errors import UserError

HELP = """usage: lightning-cgan COMMAND ...

Conditional GANs: one experiment, one file.

  fit        train; an interrupted run goes on      --config experiments/<paper>/<data>.yaml [--fresh]
  validate   score the best checkpoint on validation data                --config ... as for fit
  test       score the best and the last checkpoint on test data, once   --config ... [--again]
  predict    draw images, or classify them                               --config ...
  compare    one table of scored runs, over training seeds               RUN [RUN ...]
  report     write a run's report.html again                             RUN [RUN ...]
  features   list or download weights of feature networks                list | fetch NAME [--to DIR]

A run's folder is runs/<paper>/<data>. A file may name classes of another package after --trust PACKAGE.
lightning-cgan COMMAND --help says more."""
TRAINER = ("fit", "validate", "test", "predict")
TOOLS = {
    "compare": "lightning_cgan.runs.compare.compare",
    "features": "lightning_cgan.cli.fetch_weights",
    "report": "lightning_cgan.runs.report",
}


def main(args: list[str] | None = None) -> int:
    """Runs a command; the exit status.

    0 done: also a run that EarlyStopping or trainer.max_epochs has ended. 2 a mistake in what was asked for. 75 stopped
    by trainer.max_time or SIGUSR1, or given up because another process hangs: the same command goes on, and a job
    script may requeue. 130 Ctrl-C, 143 SIGTERM, 129 SIGHUP: saved, the same command goes on. 3 NaN. 1 an error.
    """
    words = sys.argv[1:] if args is None else args
    if words and words[0] in ("-h", "--help"):
        print(HELP)
        return 0
    try:
        check_known(words[0] if words else "none")
        tool = words[0] in TOOLS
        with interrupts_end_at_once():
            command = import_module(TOOLS[words[0]] if tool else "lightning_cgan.cli.lightning").main
        return command(words[1:] if tool else words)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except UserError as error:
        print(f"lightning-cgan: {error}", file=sys.stderr)
        return 2


@contextmanager
def interrupts_end_at_once() -> Iterator[None]:
    """Ctrl-C ends the process: an import that it interrupts may swallow it, or complain of half a library."""

    def leave(number: int, frame: FrameType | None) -> None:
        os.write(2, b"interrupted\n")
        os._exit(130)

    usual = threading.current_thread() is threading.main_thread()
    usual = usual and signal.getsignal(signal.SIGINT) == signal.default_int_handler
    if usual:
        signal.signal(signal.SIGINT, leave)
    try:
        yield
    finally:
        if usual:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def check_known(word: str) -> None:
    """Refuse what is no command; an option before the command is left to the Trainer's.

    Raises:
        UserError: naming the commands, and the nearest.
    """
    known = (*TRAINER, *TOOLS)
    if word not in known and not word.startswith("-"):
        near = get_close_matches(word, known, n=1)
        raise UserError(
            f"A command is one of {', '.join(known)}; got {word}. `lightning-cgan --help` says what each does."
            + (f"\nThe nearest valid name is {near[0]}." if near else "")
        )
