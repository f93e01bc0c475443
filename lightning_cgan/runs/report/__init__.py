"""``lightning-cgan report RUN…``: one self-contained HTML file about a run, from the files in its folder."""

import argparse
import os
from pathlib import Path
from uuid import uuid4

NAME = "report.html"


def main(args: list[str]) -> int:
    """Write the report of each run and print its path.

    Raises:
        UserError: for a folder that is not a run's.
    """
    parser = argparse.ArgumentParser("lightning-cgan report", description="One HTML file about each run.")
    parser.add_argument("run", nargs="+", type=Path, help="folder of a run")
    for folder in parser.parse_args(args).run:
        print(write_report(folder))
    return 0


def write_report(folder: str | Path) -> Path:
    """Write ``report.html`` to the run folder and return its path.

    Raises:
        UserError: if ``folder`` is not a run's.
    """
    from lightning_cgan.runs.report.folder import read_run
    from lightning_cgan.runs.report.page import page

    path = Path(folder, NAME)
    text = page(read_run(path.parent))
    partial = path.with_name(f".{NAME}.{uuid4().hex}.partial")  # two commands may report at once
    try:
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return path
