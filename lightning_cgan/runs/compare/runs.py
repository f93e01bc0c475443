"""Reads scored runs from their folders, and checks that their scores are comparable. Does not import Lightning."""

import json
import math
import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from lightning_cgan.errors import UserError
from lightning_cgan.runs.flatten import flatten
from lightning_cgan.runs.may_change import MAY_CHANGE
from lightning_cgan.runs.score_info import with_current_names

# Card fields that identify the run; all others tell how it was measured and must agree.
IDENTITY = {"model", "data", "precision", "processes", "device", "seed", "training_seed", "update", "checkpoint"}
IDENTITY |= {"commit", "scored", "time", "worst_class"}
SOME = ("classification",)  # fields of optional scores; must agree among the runs that have them
# Configuration keys that do not make another experiment: those a resumed run may change, and how it is scored.
FREE = MAY_CHANGE | {"test_fakes", "protocol"}
LOADER: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
TRAINED = ("trainer.max_steps", "trainer.precision")


class ScoredRun(NamedTuple):
    """One entry of a run's ``metrics.json``, with the keys of ``config.yaml`` that define its experiment."""

    folder: str
    config: dict[str, Any]  # by dotted key
    seed: int | None  # of the training
    scores: dict[str, float | None]
    standard_errors: dict[str, float | None]
    notes: list[str]
    card: dict[str, Any]  # by dotted key
    reached: int | None  # updates trained; None if only the best checkpoint is known


def read_run(folder: str, split: str) -> ScoredRun:
    """The run in ``folder`` with the scores of ``split``, a name in its ``metrics.json``.

    Raises:
        UserError: if it is not a run folder, or was not scored on that split; with the command to run.
    """
    folder = str(Path(folder))
    if not Path(folder).is_dir():
        raise UserError(f"compare reads run folders, as `fit` makes them; there is no folder {folder}. Give another.")
    results, config = read_json(folder, split), read_config(folder)
    if split not in results:
        known = ", ".join(results) or "none"
        raise UserError(
            f"compare needs the scores of {split!r} from every run; {folder}/metrics.json has {known}. "
            f"Run `{scoring(folder, split)}`, or set --split."
        )
    entry, seed = with_current_names(results[split]), config.pop("seed_everything", None)
    card = flatten(entry["card"])
    last = results.get(f"{split}_last", entry)["card"]
    best = (last.get("checkpoint") or {}).get("name") == "best.ckpt"
    reached = None if best and f"{split}_last" not in results else last.get("update")
    scores, errors = (
        {name: finite(value) for name, value in entry.get(part, {}).items()} for part in ("scores", "standard_errors")
    )
    seed = card.get("training_seed", seed)
    return ScoredRun(folder, config, seed, scores, errors, entry.get("notes", []), card, reached)


def read_json(folder: str, split: str) -> dict[str, Any]:
    """``metrics.json`` in ``folder``."""
    path = Path(folder, "metrics.json")
    if not path.is_file():
        raise UserError(
            f"compare needs a run that was scored; there is no {path}. Run `{scoring(folder, split)}` first."
        )
    try:
        results = json.loads(path.read_text())
        for entry in results.values():
            entry["scores"].items(), entry["card"].items()
    except (ValueError, AttributeError, KeyError, TypeError) as cause:
        raise UserError(
            f"metrics.json holds scores with their cards; {path} is broken or from elsewhere. "
            f"Delete it and run `{scoring(folder, split)}`."
        ) from cause
    return results


def read_config(folder: str) -> dict[str, Any]:
    """Model, data, length, precision and seed of ``config.yaml``, by dotted key."""
    path = Path(folder, "config.yaml")
    try:
        tree = flatten(yaml.load(path.read_text(), Loader=LOADER))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as cause:
        raise UserError(
            f"compare tells seeds of one experiment by config.yaml, which `fit` writes; {path} is missing or broken. "
            "Put it back, or leave out this run."
        ) from cause
    kept = ("model.", "data.", "seed_everything", *TRAINED)
    return {key: value for key, value in tree.items() if key.startswith(kept) and key.split(".")[-1] not in FREE}


def scoring(folder: str, split: str) -> str:
    """The command that writes the entry ``split``."""
    command = "test" if split.startswith("test") else "validate"
    protocol = re.sub(r"^test_?|_?last$", "", split).upper() if command == "test" else ""
    extra = f" --data.init_args.protocol {protocol}" if protocol else ""
    return f"lightning-cgan {command} --config {folder}/config.yaml --trainer.default_root_dir {folder}{extra}"


def finite(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def covered(field: str, allowed: Iterable[str]) -> bool:
    """Whether ``field`` is one of ``allowed``, or nested in one."""
    return any(field == name or field.startswith(f"{name}.") for name in allowed)


def check_cards(runs: list[ScoredRun], allowed: list[str]) -> list[str]:
    """Refuse scores that were measured in different ways; notes on fields that were allowed to differ and do.

    Raises:
        UserError: naming each differing field, its values, their runs, and what to do.
    """
    fields = {field: None for run in runs for field in run.card if field.partition(".")[0] not in IDENTITY}
    check_known(allowed, list(dict.fromkeys(key for run in runs for key in (*run.card, *run.config))))
    differences = {field: difference for field in fields if (difference := differing_cards(field, runs))}
    refused = [field for field in differences if not covered(field, allowed)]
    if refused:
        lines = "\n".join(differences[field] for field in refused[:12])
        more = f"\nand {len(refused) - 12} more" if len(refused) > 12 else ""
        way_out = " ".join(f"--allow {field}" for field in refused)
        raise UserError(
            f"Scores compare when they were measured in the same way; these cards differ:\n{lines}{more}\n"
            f"Score the runs again under one set-up, or, knowing that it does not matter, add {way_out}"
        )
    return [f"Allowed to differ: {difference}." for field, difference in differences.items() if field not in refused]


def check_known(allowed: list[str], fields: list[str]) -> None:
    """Refuse an unknown name of ``--allow``."""
    for name in allowed:
        if not any(covered(field, [name]) for field in fields):
            near = get_close_matches(name, fields, n=1, cutoff=0.5)
            hint = f" The nearest name is {near[0]}." if near else ""
            raise UserError(
                f"--allow names a field of the cards or a key of the configurations; none has {name}.{hint}"
            )


def differing_cards(field: str, runs: list[ScoredRun]) -> str:
    having = [run for run in runs if field in run.card] if covered(field, SOME) else runs
    return differing(field, having, [run.card.get(field, "absent") for run in having])


def differing(name: str, runs: list[ScoredRun], values: list[Any]) -> str:
    """ "name: this (runs/a, runs/b) against that (runs/c)" for one value of each run; empty if all agree."""
    having: dict[str, list[str]] = {}
    for run, value in zip(runs, values, strict=True):
        having.setdefault(exact(value), []).append(run.folder)
    sides = [f"{shown(json.loads(value))} ({some(folders)})" for value, folders in having.items()]
    return f"{name}: {' against '.join(sides)}" if len(sides) > 1 else ""


def exact(value: Any) -> str:
    """A value as a comparable string."""
    return json.dumps(value, sort_keys=True, default=str)


def shown(value: Any) -> str:
    """A value for the reader: short hashes, lists as JSON."""
    if isinstance(value, str):
        return re.sub(r"^([0-9a-f]{12})[0-9a-f]{21,}(?=\+?$)", r"\1…", value)
    if isinstance(value, float) and float(f"{value:g}") == value:
        return f"{value:g}"
    return "none" if value is None else exact(value)


def some(names: list[str], most: int = 4) -> str:
    """The first of ``names``, and the number of others."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
