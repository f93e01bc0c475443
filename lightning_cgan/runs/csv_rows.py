"""Reads ``metrics.csv``, every scalar of a run, without importing Lightning."""

import csv
from collections.abc import Mapping
from pathlib import Path


def read_rows(path: str | Path) -> tuple[list[str], list[dict[str, str]]]:
    """The header and the rows of ``metrics.csv``; a cell that was not logged in that row is empty.

    An incomplete row, written while the process was killed, is left out.
    """
    with open(path, newline="") as file:
        reader = csv.DictReader(file)
        rows = [row for row in reader if (row.get("step") or "").isdigit() and None not in row.values()]
        return list(reader.fieldnames or ()), rows


def before(rows: list[dict[str, str]], first: Mapping[str, object]) -> list[dict[str, str]]:
    """The rows of a log before the one that a resumed run logs again as ``first``.

    A step may have several rows, of training and then of validation. A run that was stopped before the validation of
    an update resumes with the validation's row, and keeps the training row.
    """
    names = first.keys() - {"step", "epoch"}
    step = int(str(first["step"]))
    for number, row in enumerate(rows):
        if int(row["step"]) > step or (int(row["step"]) == step and any(row.get(name) for name in names)):
            return rows[:number]
    return rows
