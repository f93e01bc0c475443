"""Entry point of ``lightning-cgan``: Trainer commands, and tools for finished runs, which start without Lightning."""

import os
import select
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

  fit        train; an interrupted run resumes      --config experiments/<paper>/<data>.yaml [--fresh]
  validate   score the best checkpoint on validation data                --config ... as for fit
  test       score the best and the last checkpoint on test data, once   --config ... [--again]
  predict    generate images, or classify them                           --config ...
  compare    one table of scored runs, over training seeds               RUN [RUN ...]
  report     rewrite a run's report.html                                 RUN [RUN ...]
  features   list or download weights of feature networks                list | fetch NAME [--to DIR]

A run is written to runs/<paper>/<data>. --trust PACKAGE allows a file to name classes of another package.
See also: lightning-cgan COMMAND --help"""
TRAINER = ("fit", "validate", "test", "predict")
TOOLS = {
    "compare": "lightning_cgan.runs.compare.compare",
    "features": "lightning_cgan.cli.fetch_weights",
    "report": "lightning_cgan.runs.report",
}


def main(args: list[str] | None = None) -> int:
    """Run a command and return the exit status.

    0: finished, also if EarlyStopping or trainer.max_epochs ended the run. 1: an error. 2: a mistake in the command or
    configuration. 3: NaN. 75: stopped by trainer.max_time or SIGUSR1, or because another process hangs; the same
    command resumes, and a job script may requeue. 130: Ctrl-C, 143: SIGTERM, 129: SIGHUP; saved, the same command
    resumes.
    """
    try:
        return run(sys.argv[1:] if args is None else args)
    except BrokenPipeError:
        if not reader_is_gone():  # another pipe
            raise
        return 1
    finally:
        drop_unread()


def reader_is_gone() -> bool:
    """Whether the process that reads the output has ended, as ``| head -1`` does."""
    poll = select.poll()
    poll.register(sys.stdout, 0)  # errors are always reported
    return bool(poll.poll(0))


def drop_unread() -> None:
    """Write what is left of the output, or drop it if nobody reads it; Python would print a traceback at its end."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run(words: list[str]) -> int:
    """Run the command ``words``; the exit status."""
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
    """Context in which Ctrl-C ends the process, because an interrupted import may ignore it or raise other errors."""

    def leave(number: int, frame: FrameType | None) -> None:
        os.write(2, b"interrupted\n")
        os._exit(130)

    is_default = threading.current_thread() is threading.main_thread()
    is_default = is_default and signal.getsignal(signal.SIGINT) == signal.default_int_handler
    if is_default:
        signal.signal(signal.SIGINT, leave)
    try:
        yield
    finally:
        if is_default:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def check_known(word: str) -> None:
    """Check that ``word`` is a command; options before the command are left to the Trainer's parser.

    Raises:
        UserError: if it is not, with all commands and the most similar one.
    """
    known = (*TRAINER, *TOOLS)
    if word not in known and not word.startswith("-"):
        near = get_close_matches(word, known, n=1)
        raise UserError(
            f"A command is one of {', '.join(known)}; got {word}. `lightning-cgan --help` describes them."
            + (f"\nThe nearest valid name is {near[0]}." if near else "")
        )
