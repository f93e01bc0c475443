"""The tables of a report: scores, classes and evaluation cards, with digits chosen by the errors."""

import math
from collections import Counter
from typing import Any, NamedTuple

from lightning_cgan.runs.flatten import flatten
from lightning_cgan.runs.report.folder import Run, at
from lightning_cgan.runs.score_info import rank, score_info

SPLITS = ("test", "test_last", "val")
ENVIRONMENT = ("device", "processes", "precision", "commit", "versions", "time")
IDENTITY = ("model", "data", "seed", "training_seed", "update", "checkpoint", "scored")
COLUMNS = {"fid": "FID", "accuracy": "label accuracy", "reals": "real images", "fakes": "generated images"}
NOTHING = "\N{EN DASH}"
SHOWN = 20  # classes; the others are collapsed


class Badge(NamedTuple):
    """A short statement about the run."""

    text: str
    good: bool | None = None  # None: neither


class Number(NamedTuple):
    """A formatted value; "" if there is none."""

    value: str
    error: str = ""


class Column(NamedTuple):
    title: str
    when: str
    images: str


class Score(NamedTuple):
    name: str
    title: str
    better: str
    meaning: str
    cells: list[Number | None]  # None: not measured in that evaluation


class Row(NamedTuple):
    """A field of the evaluation cards."""

    name: str
    cells: list[str]  # one if all evaluations agree


class Classes(NamedTuple):
    heads: list[str]
    rows: list[tuple[str, list[str]]]
    folded: list[tuple[str, list[str]]]


def number(value: Any) -> float | None:
    """``value`` if it is a finite number."""
    fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if fits else None


def places(value: float, digits: int) -> int:
    """Decimal places that show ``digits`` digits of ``value``."""
    return min(max(digits - 1 - math.floor(math.log10(abs(value))), 0), 8) if value else 0


def shown(values: list[float | None], errors: list[float | None]) -> list[Number]:
    """Values of one score with equal decimals: two digits of the smallest error, else three of the values."""
    largest = max((abs(value) for value in values if value), default=0.0)
    known = [error for error in errors if error and error > 1e-6 * largest]  # smaller errors are rounding
    sizes = sorted(abs(value) for value in values if value)
    decimals = max((places(error, 2) for error in known), default=0)
    if sizes and not known and not all(size.is_integer() for size in sizes):
        decimals = min(places(sizes[0], 3), places(sizes[-1], 4))
    return [
        Number("" if v is None else f"{v:,.{decimals}f}", "" if e is None or v is None else f"{e:,.{decimals}f}")
        for v, e in zip(values, errors, strict=True)
    ]


def evaluations(run: Run) -> list[str]:
    """The evaluations of the run, in the order of ``SPLITS``; those by other protocols last.

    That of the last checkpoint is left out if the best is the last.
    """
    names = dict.fromkeys((*SPLITS, *sorted(run.metrics)))
    return [name for name in names if is_table(at(run.metrics, name, "scores")) and not repeats(run, name)]


def repeats(run: Run, name: str) -> bool:
    """Whether an evaluation of the last checkpoint equals that of the best one of the same update."""
    best = name.removesuffix("_last")
    if best == name or not is_table(at(run.metrics, best, "scores")):
        return False
    updates = [number(card_of(run, split).get("update")) for split in (best, name)]
    scores = [at(run.metrics, split, "scores") for split in (best, name)]
    return updates[0] is not None and updates[0] == updates[1] and scores[0] == scores[1]


def is_table(entry: Any) -> bool:
    return isinstance(entry, dict) and bool(entry)


def card_of(run: Run, split: str) -> dict[str, Any]:
    card = at(run.metrics, split, "card")
    return card if isinstance(card, dict) else {}


def columns(run: Run) -> list[Column]:
    return [column(split, card_of(run, split), repeats(run, f"{split}_last")) for split in evaluations(run)]


def column(split: str, card: dict[str, Any], also_last: bool = False) -> Column:
    """The column head of an evaluation."""
    file = str(at(card, "checkpoint", "name", default=""))
    weights = {"best.ckpt": "Best checkpoint", "last.ckpt": "Last checkpoint", "": "While training"}.get(file, file)
    if not card:
        weights = {"test": "Test", "test_last": "Last checkpoint", "val": "Validation"}.get(split, split)
    if also_last:
        weights = "Best = last checkpoint"
    protocol = str(card.get("protocol", "OWN"))
    weights += f" by {protocol}" if protocol != "OWN" else ""
    reference = str(at(card, "reference", "split", default=split.removesuffix("_last")))
    update, fakes, reals = (number(card.get(name)) for name in ("update", "fakes", "reals"))
    when = f"update {update:,.0f}, {reference} data" if update is not None else f"{reference} data"
    counts = [f"{fakes:,.0f} generated" if fakes else "", f"{reals:,.0f} real" if reals else ""]
    counts.append(str(card.get("partial") or ""))  # "2 of 40 batches", if data were left out
    return Column(weights, when, ", ".join(part for part in counts if part))


def score_table(run: Run) -> list[Score]:
    """All scores of all evaluations."""
    splits = evaluations(run)
    names = {name: None for split in splits for name in at(run.metrics, split, "scores")}
    table = []
    for name in sorted(names, key=lambda name: (rank(name), name)):
        values = [number(at(run.metrics, split, "scores", name)) for split in splits]
        errors = [number(at(run.metrics, split, "standard_errors", name)) for split in splits]
        measured = [name in at(run.metrics, split, "scores") for split in splits]
        cells = [cell if there else None for cell, there in zip(shown(values, errors), measured, strict=True)]
        table.append(Score(name, *score_info(name)[:3], cells))
    return table


def classes_of(run: Run) -> dict[str, dict[str, Any]]:
    """The scores of each class in the first evaluation that has any, the worst class first: by FID, else accuracy."""
    found = (at(run.metrics, split, "classes") for split in evaluations(run))
    classes: dict[str, dict[str, Any]] = next((entry for entry in found if is_table(entry)), {})

    def badness(label: str) -> tuple[float, float]:
        fid, accuracy = (number(at(classes[label], name)) for name in ("fid", "accuracy"))
        return (math.inf if fid is None else -fid, math.inf if accuracy is None else accuracy)

    return {label: classes[label] for label in sorted(classes, key=badness) if is_table(classes[label])}


def class_table(run: Run) -> Classes | None:
    """Scores by class, the worst first; classes beyond ``SHOWN`` are collapsed."""
    classes = classes_of(run)
    if not classes:
        return None
    found = {name: None for entry in classes.values() for name in entry}
    names = [name for name in COLUMNS if name in found] + [name for name in found if name not in COLUMNS]
    table = []
    for name in names:
        values = [number(entry.get(name)) for entry in classes.values()]
        table.append([cell.value or NOTHING for cell in shown(values, [None] * len(values))])
    rows = [(label, list(cells)) for label, cells in zip(classes, zip(*table, strict=True), strict=True)]
    return Classes([COLUMNS.get(name, name.replace("_", " ")) for name in names], rows[:SHOWN], rows[SHOWN:])


def card_table(run: Run) -> dict[str, list[Row]]:
    """All fields of the evaluation cards, grouped: how and what was measured, and the environment."""
    cards = [flatten(card_of(run, split)) for split in evaluations(run)]
    groups: dict[str, list[Row]] = {"How it was measured": [], "What was measured": [], "Environment": []}
    names = {name: None for card in cards for name in card}
    for name in names:
        if any(other.startswith(f"{name}.") for other in names):
            continue  # nested in one evaluation, absent from another
        texts = [plain(card.get(name)) if name in card else NOTHING for card in cards]
        head = name.partition(".")[0]
        measured = "What was measured" if head in IDENTITY else "How it was measured"
        group = "Environment" if head in ENVIRONMENT else measured
        groups[group].append(Row(name, texts[:1] if len(set(texts)) == 1 else texts))
    return {group: rows for group, rows in groups.items() if rows}


def plain(value: Any) -> str:
    """A field's value as text."""
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value))
    return "none" if value is None else f"{value:,}" if type(value) is int and abs(value) > 9999 else str(value)


def notes(run: Run) -> list[str]:
    """The notes of the evaluations, once each."""
    found: dict[str, list[str]] = {}
    for split in evaluations(run):
        listed = at(run.metrics, split, "notes")
        for note in listed if isinstance(listed, list) else []:
            found.setdefault(str(note), []).append(split)
    return [f"{note} ({', '.join(splits)})" for note, splits in found.items()]


def warnings(run: Run) -> list[tuple[str, str, str]]:
    """Health warnings grouped by signal: signal, first message, time."""
    first: dict[str, dict[str, Any]] = {}
    times: Counter[str] = Counter()
    for entry in run.health or []:
        signal = str(entry.get("signal", "warning"))
        first.setdefault(signal, entry)
        times[signal] += 1
    rows = []
    for signal, entry in first.items():
        when = f"at update {plain(entry.get('update'))}"
        when += f", {times[signal]} times in all" if times[signal] > 1 else ""
        rows.append((signal, str(entry.get("message", "")), when))
    return rows
