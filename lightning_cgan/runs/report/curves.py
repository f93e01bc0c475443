"""Curves of a run's scalars against generator updates, as SVG coordinates."""

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

from lightning_cgan.runs.score_info import HEALTH, rank, score_info, signal_of

Points = list[tuple[int, float]]  # (generator update, value)

WIDTH, HEIGHT = 360, 200
LEFT, RIGHT, TOP, BOTTOM = 46, 18, 8, 34  # margins
BUCKETS = 200  # of a curve with more than twice as many points
FEW = 40  # points that are drawn as dots
SPAN = 30  # ratio of the largest to the smallest value from which an axis is logarithmic
UNITS = ((1e6, 1e6, "M"), (1e4, 1e3, "k"))  # lower limit, divisor and suffix
COLOURS = 6  # of curves in one panel
OUTPUTS = ("train/d_real", "train/d_fake")


class Line(NamedTuple):
    """One curve: its mean, and the band from minimum to maximum if points were combined."""

    name: str
    path: str
    band: str
    dots: list[tuple[float, float]]  # all points, if they are few
    last: str
    update: int


class Tick(NamedTuple):
    at: float  # pixels
    text: str


class Panel(NamedTuple):
    title: str
    lines: list[Line]
    x: list[Tick]
    y: list[Tick]
    best: float | None  # pixels, of the best checkpoint
    scale: str  # "" for a linear vertical axis
    summary: str  # alternative text


def series_of(rows: list[dict[str, str]]) -> dict[str, Points]:
    """All finite scalars of ``metrics.csv`` by name."""
    series: dict[str, Points] = {}
    for row in rows:
        update = int(row["step"]) + 1
        for name, cell in row.items():
            if cell and name not in ("step", "epoch"):
                try:
                    value = float(cell)
                except ValueError:
                    continue
                if math.isfinite(value):
                    series.setdefault(name, []).append((update, value))
    return series


def panels(series: dict[str, Points], best: int | None) -> dict[str, list[Panel]]:
    """Panels by group: losses and D's outputs, validation scores, health signals.

    Args:
        series: every scalar by its name.
        best: the generator update of the best checkpoint, marked in every panel.
    """
    groups = {"Training": training(series), "Validation scores": scores(series), "Health signals": health(series)}
    until = max((points[-1][0] for points in series.values()), default=1)
    drawn = {
        group: [panel(title, {name: series[name] for name in names}, until, best) for title, names in wanted.items()]
        for group, wanted in groups.items()
    }
    return {group: pictures for group, pictures in drawn.items() if pictures}


def training(series: dict[str, Points]) -> dict[str, list[str]]:
    """Names by the title of their panel."""
    names = [name for name in series if name.startswith("train/")]
    outputs = [name for name in names if name in OUTPUTS]
    wanted = {"Losses": [name for name in names if name not in OUTPUTS], "Discriminator's mean outputs": outputs}
    return {title: names for title, names in wanted.items() if names}


def scores(series: dict[str, Points]) -> dict[str, list[str]]:
    """A panel for each validation score except deviations."""
    names = [name.removeprefix("val/") for name in series if name.startswith("val/") and not name.endswith("_std")]
    return {score_info(name).title: [f"val/{name}"] for name in sorted(names, key=rank)}


def health(series: dict[str, Points]) -> dict[str, list[str]]:
    """A panel for each signal, with both networks in one; of many classes those that end lowest."""
    wanted: dict[str, list[str]] = {}
    for name in series:
        if name.startswith("health/"):
            signal = signal_of(name)
            wanted.setdefault(HEALTH.get(signal, signal.replace("_", " ")), []).append(name)
    for title in [title for title, names in wanted.items() if len(names) > COLOURS]:
        lowest = sorted(wanted.pop(title), key=lambda name: series[name][-1][1])[:COLOURS]
        wanted[f"{title}, the {COLOURS} lowest"] = lowest
    return wanted


def panel(title: str, curves: dict[str, Points], until: int, best: int | None) -> Panel:
    """A panel of ``curves`` from update 0 to ``until``."""
    values = [value for points in curves.values() for _, value in points]
    low, high = min(values), max(values)
    log = score_info(next(iter(curves)).removeprefix("val/")).better == "lower" and 0 < low * SPAN < high
    margin = 0 if log else 0.04 * (high - low) or 0.05 * abs(high) or 1.0
    x = scaled(0, until, LEFT, WIDTH - RIGHT)
    y = scaled(low - margin, high + margin, HEIGHT - BOTTOM, TOP, log)
    lines = [line(name, points, x, y) for name, points in curves.items()]
    ends = "; ".join(f"{each.name} ends at {each.last} after update {each.update:,}" for each in lines)
    return Panel(
        title,
        lines,
        ticks([mark for mark in nice(0, until) if mark.is_integer()], x),
        ticks((decades if log else nice)(low - margin, high + margin), y),
        x(best) if best is not None and 0 <= best <= until else None,
        "logarithmic scale" if log else "",
        f"{title} against generator updates, between {low:.4g} and {high:.4g}. {ends}.",
    )


def scaled(low: float, high: float, start: float, end: float, log: bool = False) -> Callable[[float], float]:
    """Maps values from ``low`` to ``high`` onto pixels from ``start`` to ``end``."""
    axis = math.log10 if log else float
    bottom, span = axis(low), axis(high) - axis(low)
    return lambda value: round(start + (end - start) * (axis(value) - bottom) / (span or 1.0), 1)


def line(name: str, points: Points, x: Callable[[float], float], y: Callable[[float], float]) -> Line:
    """A curve, of at most twice ``BUCKETS`` points; more are averaged, with a band from minimum to maximum."""
    update, value = points[-1]
    if len(points) <= 2 * BUCKETS:
        pixels = [(x(at), y(v)) for at, v in points]
        return Line(name, path(pixels), "", pixels if len(points) <= FEW else [], f"{value:.4g}", update)
    buckets: dict[int, Points] = {}
    first, width = points[0][0], (update - points[0][0] + 1) / BUCKETS
    for at, v in points:
        buckets.setdefault(int((at - first) / width), []).append((at, v))
    groups = [(x(sum(at for at, _ in part) / len(part)), [v for _, v in part]) for part in buckets.values()]
    mean = path((at, y(sum(part) / len(part))) for at, part in groups)
    edges = [(at, y(max(part))) for at, part in groups] + [(at, y(min(part))) for at, part in reversed(groups)]
    return Line(name, mean, path(edges), [], f"{value:.4g}", update)


def path(points: Iterable[tuple[float, float]]) -> str:
    """The points of an SVG polyline."""
    return " ".join(f"{x:g},{y:g}" for x, y in points)


def nice(low: float, high: float, count: int = 4) -> list[float]:
    """About ``count`` round numbers from ``low`` to ``high``."""
    rough = (high - low) / count
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * size for size in (1, 2, 2.5, 5, 10) if unit * size >= rough * 0.999)
    return [float(k * step) for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def decades(low: float, high: float) -> list[float]:
    """Round numbers from ``low`` to ``high`` at equal ratios."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    sizes = (1, 2, 5) if len(powers) < 4 else (1,)
    return [mark for power in powers for size in sizes if low <= (mark := size * 10.0**power) <= high]


def ticks(marks: list[float], axis: Callable[[float], float]) -> list[Tick]:
    """Marks in one unit: 0.25, 2,000, 40k or 1.5M."""
    largest = max(map(abs, marks), default=0.0)
    unit, letter = next(((unit, letter) for start, unit, letter in UNITS if start <= largest < 1e9), (1.0, ""))
    texts = [f"{mark / unit:,.0f}" if 1e3 <= abs(mark / unit) < 1e9 else f"{mark / unit:.4g}" for mark in marks]
    return [Tick(axis(mark), text + letter * (mark != 0)) for mark, text in zip(marks, texts, strict=True)]
