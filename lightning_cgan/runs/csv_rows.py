"""Reads ``metrics.csv``, every scalar of a run; apart from what writes it, so that tools start without Lightning."""

import csv
from collections.abc import Mapping
from pathlib import Path


def read_rows(path: str | Path) -> tuple[list[str], list[dict[str, str]]]:
    """The header and the rows of ``metrics.csv``; a cell that was not logged in that row is empty.

    A row that was being written when a process was killed is left out.
    """
    with open(path, newline="") as file:
        reader = csv.DictReader(file)
        rows = [row for row in reader if (row.get("step") or "").isdigit() and None not in row.values()]
        return list(reader.fieldnames or ()), rows


def before(rows: list[dict[str, str]], first: Mapping[str, object]) -> list[dict[str, str]]:
    """The rows of a log up to the one that is logged again as ``first``, when an interrupted run goes on.

    A step may have several rows, of training and then of validation. A run that was stopped before the validation of
    an update goes on with that row, and the update's own row stays.
    """
    names = first.keys() - {"step", "epoch"}
    step = int(str(first["step"]))
    for number, row in enumerate(rows):
        if int(row["step"]) > step or (int(row["step"]) == step and any(row.get(name) for name in names)):
            return rows[:number]
    return rows
