"""Reads ``metrics.csv``, every scalar of a run; apart from what writes it, so that tools start without Lightning."""

import csv
from pathlib import Path


def read_rows(path: str | Path) -> tuple[list[str], list[dict[str, str]]]:
    """The header and the rows of ``metrics.csv``; a cell that was not logged in that row is empty.

    A row that was being written when a process was killed is left out.
    """
    with open(path, newline="") as file:
        reader = csv.DictReader(file)
        rows = [row for row in reader if (row.get("step") or "").isdigit() and None not in row.values()]
        return list(reader.fieldnames or ()), rows
