"""``lightning-cgan``: the Trainer's commands, and tools on what runs have written, which start without Lightning."""

import sys
from difflib import get_close_matches
from importlib import import_module

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
    "compare": "lightning_cgan.compare",
    "features": "lightning_cgan.features",
    "report": "lightning_cgan.report",
}


def main(args: list[str] | None = None) -> int:
    """Runs a command; the exit status: 0 done, 2 a mistake in what was asked for, 130 interrupted."""
    words = sys.argv[1:] if args is None else args
    if words and words[0] in ("-h", "--help"):
        print(HELP)
        return 0
    try:
        check_known(words[0] if words else "none")
        if words[0] not in TOOLS:
            return import_module("lightning_cgan.cli").main(words)
        return import_module(TOOLS[words[0]]).main(words[1:])
    except ValueError as error:
        print(f"lightning-cgan: {error}", file=sys.stderr)
        return 2


def check_known(word: str) -> None:
    """Refuse what is no command; an option before the command is left to the Trainer's.

    Raises:
        ValueError: naming the commands, and the nearest.
    """
    known = (*TRAINER, *TOOLS)
    if word not in known and not word.startswith("-"):
        near = get_close_matches(word, known, n=1)
        raise ValueError(
            f"A command is one of {', '.join(known)}; met {word}. `lightning-cgan --help` says what each does."
            + (f"\nThe nearest valid name is {near[0]}." if near else "")
        )
