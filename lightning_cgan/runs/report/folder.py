"""Reads the files of a run folder; broken files become sentences instead of errors."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from lightning_cgan.errors import UserError
from lightning_cgan.runs.csv_rows import read_rows
from lightning_cgan.runs.report.curves import Points, series_of
from lightning_cgan.runs.report.pictures import THUMBNAIL, Picture, final, frames, picture
from lightning_cgan.runs.score_info import current_name, with_current_names

FILES = ("config.yaml", "metrics.csv", "metrics.json")  # a run folder has at least one of them


class Run(NamedTuple):
    """The content of a run folder; missing files are empty or None."""

    folder: Path
    config: dict[str, Any]
    config_text: str
    metrics: dict[str, dict[str, Any]]  # by "test", "test_last", "val"
    health: list[dict[str, Any]] | None
    series: dict[str, Points]
    strip: list[Picture]
    grid: Picture | None
    neighbours: Picture | None
    broken: list[str]  # sentences


def read_run(folder: Path) -> Run:
    """The run in ``folder``.

    Raises:
        UserError: if it is not a run folder.
    """
    if not any((folder / name).is_file() for name in FILES):
        raise UserError(
            f"A report is made from a run folder, with {FILES[0]}, {FILES[1]} or {FILES[2]}; got {folder}, "
            "which has none of them. Name a folder that `fit` has written."
        )
    broken: list[str] = []

    def read(path: Path | None, reader: Callable[[Path], Any], kind: type) -> Any:
        if path is None or not path.is_file():
            return None
        try:
            content = reader(path)
        except Exception as error:  # the report shows what can be read
            broken.append(f"{path.relative_to(folder)} cannot be read: {str(error).splitlines()[0] or type(error)}")
            return None
        if not isinstance(content, kind):
            broken.append(f"{path.relative_to(folder)} holds something else than a run writes")
            return None
        return content

    text = read(folder / "config.yaml", lambda path: path.read_text(errors="replace"), str) or ""
    metrics = read(folder / "metrics.json", read_json, dict) or {}
    health = read(folder / "health.json", read_json, list)
    series = read(folder / "metrics.csv", lambda path: series_of(read_rows(path)[1]), dict) or {}
    strip = [read(path, lambda path: picture(path, THUMBNAIL), Picture) for path in frames(folder / "samples")]
    return Run(
        folder=folder,
        config=read(folder / "config.yaml", lambda path: yaml.safe_load(text), dict) or {},
        config_text=text,
        metrics={split: with_current_names(entry) for split, entry in metrics.items() if isinstance(entry, dict)},
        health=None if health is None else [entry for entry in health if isinstance(entry, dict)],
        series={current_name(name): points for name, points in series.items()},
        strip=[frame for frame in strip if frame],
        grid=read(final(folder / "samples"), picture, Picture),
        neighbours=read(folder / "neighbours.png", picture, Picture),
        broken=broken,
    )


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())


def at(tree: Any, *keys: str, default: Any = None) -> Any:
    """The value in nested dictionaries under ``keys``; ``default`` if a key is missing."""
    for key in keys:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return default if tree is None else tree
