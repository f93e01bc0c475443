"""Tables of scores with mean and interval over training seeds, as Markdown and CSV."""

import csv
import io
from collections.abc import Iterable
from statistics import fmean, stdev
from typing import NamedTuple

from scipy.special import stdtrit  # scipy.stats.t, which takes a second to import, calls the same function

from lightning_cgan.runs.compare.runs import ScoredRun
from lightning_cgan.runs.score_info import score_info

ARROWS = {"lower": " ↓", "higher": " ↑", "": ""}
INTERVAL = "± is half the width of the 95 % t interval of the mean over training seeds."
ONE_SEED = '"se" is the standard error of one run over resamples of its generated images; it is blind to other seeds.'
BOLD = "Bold: best, and its interval overlaps no other row's."
HEADER = ["row", "score", "better", "seeds", "mean", "half_width", "mean_standard_error"]
HEADER += ["training_seeds", "values", "standard_errors", "runs"]


class Row(NamedTuple):
    """The seeds of one experiment."""

    name: str
    runs: list[ScoredRun]


class Cell(NamedTuple):
    """One score of one row."""

    mean: float | None  # over the seeds that have a value
    half: float | None  # half the width of the 95 % t interval over training seeds; None for one seed
    seeds: int  # that have a value
    error: float | None  # mean standard error of one run over resamples of its generated images


def cell(row: Row, name: str) -> Cell:
    values = [value for run in row.runs if (value := run.scores.get(name)) is not None]
    errors = [error for run in row.runs if (error := run.standard_errors.get(name)) is not None]
    half = half_width(values) if len(values) > 1 else None
    return Cell(fmean(values) if values else None, half, len(values), fmean(errors) if errors else None)


def half_width(values: list[float], level: float = 0.95) -> float:
    """Half the width of the t interval of the mean of ``values``, at least two."""
    return float(stdtrit(len(values) - 1, (1 + level) / 2)) * stdev(values) / len(values) ** 0.5


def better(name: str) -> str:
    """ "lower", "higher", or "" for a score that is only good or bad beside another."""
    return score_info(name).better


def markdown(rows: list[Row], names: list[str], lines: Iterable[str]) -> str:
    """The table, with notes below."""
    cells = [[cell(row, name) for name in names] for row in rows]
    bold = [best([line[place] for line in cells], rows, better(name)) for place, name in enumerate(names)]
    head = ["run", "seeds", *(name + ARROWS[better(name)] for name in names)]
    body = [
        [text(one, row, place == mark) for one, mark in zip(cells[place], bold, strict=True)]
        for place, row in enumerate(rows)
    ]
    body = [[row.name.replace("|", r"\|"), str(len(row.runs)), *line] for row, line in zip(rows, body, strict=True)]
    table = [head, ["---", *["---:"] * (len(head) - 1)], *body]
    drawn = "".join(f"| {' | '.join(words)} |\n" for words in table)
    notes = [INTERVAL] if any(one.half is not None for line in cells for one in line) else []
    notes += [ONE_SEED] if "(one seed, se " in drawn else []
    notes += [BOLD] if any(mark is not None for mark in bold) else []
    return f"{drawn}\n" + "\n".join(filter(None, [" ".join(notes), *lines])) + "\n"


def best(cells: list[Cell], rows: list[Row], direction: str) -> int | None:
    """The row whose interval is entirely better than all others, if each row has an interval from all of its seeds."""
    sign = {"higher": 1, "lower": -1, "": 0}[direction]
    spans = [
        (sign * one.mean, one.half)
        for one, row in zip(cells, rows, strict=True)
        if one.mean is not None and one.half is not None and one.seeds == len(row.runs)
    ]
    if not sign or len(spans) < len(rows) or len(rows) < 2:
        return None
    first = max(range(len(spans)), key=lambda place: spans[place][0])
    mean, half = spans.pop(first)
    return first if all(mean - half > other + its for other, its in spans) else None


def text(one: Cell, row: Row, bold: bool) -> str:
    """ "11.5 ± 1.2", or of one seed "11.5 (one seed, se 0.3)"."""
    if one.mean is None:
        return "none"
    if len(row.runs) == 1:
        error = f", se {rounded(one.error, one.error)}" if one.error else ""
        return f"{rounded(one.mean, one.error)} (one seed{error})"
    spread = "" if one.half is None else f" ± {rounded(one.half, one.half)}"
    some_seeds = "" if one.seeds == len(row.runs) else f" ({one.seeds} of {len(row.runs)} seeds)"
    shown = f"{rounded(one.mean, one.half)}{spread}{some_seeds}"
    return f"**{shown}**" if bold else shown


def rounded(value: float, scale: float | None) -> str:
    """``value`` to the second significant digit of ``scale``; to four digits without a scale."""
    if not scale:
        return f"{value:.4g}"
    digits = 1 - int(f"{scale:.1e}".partition("e")[2])
    return f"{round(value, digits):.{max(digits, 0)}f}"


def csv_text(rows: list[Row]) -> str:
    """All scores of all rows, unrounded; values of single runs are joined by ";" in the order of the seeds."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    for row in rows:
        for name in dict.fromkeys(name for run in row.runs for name in run.scores):
            one = cell(row, name)
            each: list[list] = [[run.seed for run in row.runs], [run.scores.get(name) for run in row.runs]]
            each += [[run.standard_errors.get(name) for run in row.runs], [run.folder for run in row.runs]]
            numbers = [better(name), one.seeds, one.mean, one.half, one.error]
            writer.writerow([row.name, name, *numbers, *(joined(values) for values in each)])
    return out.getvalue()


def joined(values: Iterable[object]) -> str:
    return ";".join("" if value is None else str(value) for value in values)
