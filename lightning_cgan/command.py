"""``lightning-cgan``: the Trainer's commands, and tools on what runs have written, which start without Lightning."""

import sys
from importlib import import_module

TOOLS = {
    "compare": "lightning_cgan.compare",
    "features": "lightning_cgan.features",
    "report": "lightning_cgan.report",
}


def main(args: list[str] | None = None) -> int:
    """Runs a command; the exit status: 0 done, 2 a mistake in what was asked for, 130 interrupted."""
    words = sys.argv[1:] if args is None else args
    if not words or words[0] not in TOOLS:
        return import_module("lightning_cgan.cli").main(words)
    try:
        return import_module(TOOLS[words[0]]).main(words[1:])
    except ValueError as error:
        print(f"lightning-cgan: {error}", file=sys.stderr)
        return 2
