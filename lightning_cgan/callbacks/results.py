"""``metrics.json`` in the run folder: the scores of each evaluation, each with its standard error and its card."""

import json
import math
import os
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer

from lightning_cgan.callbacks.checkpoints import BEST, LAST
from lightning_cgan.callbacks.progress import say
from lightning_cgan.protocol import Protocol

FILE = "metrics.json"


def entry_name(split: str, protocol: Protocol, checkpoint: Path | None) -> str:
    """Under which name an evaluation is kept and logged.

    "val"; "test", which is the best checkpoint where one was selected; "test_last", the last one beside it;
    "test_mimicry" and so on by another protocol than the own one.
    """
    if split != "test":
        return split
    name = split if protocol is Protocol.OWN else f"{split}_{protocol.name.lower()}"
    second = checkpoint is not None and checkpoint.name == LAST and checkpoint.with_name(BEST).is_file()
    return f"{name}_last" if second else name


def entry_of(trainer: Trainer, split: str) -> str:
    """:func:`entry_name` of the evaluation that runs."""
    protocol = getattr(trainer.datamodule, "protocol", Protocol.OWN)
    return entry_name(split, protocol, Path(trainer.ckpt_path) if trainer.ckpt_path else None)


def read_results(folder: str | Path) -> dict[str, Any]:
    """What ``metrics.json`` in the run folder says; nothing where there is none."""
    path = Path(folder, FILE)
    return json.loads(path.read_text()) if path.is_file() else {}


def report(
    trainer: Trainer,
    module: LightningModule,
    split: str,
    scores: dict[str, float],
    errors: dict[str, float],
    card: dict[str, Any],
    **more: Any,
) -> None:
    """Log ``scores`` under the evaluation's name, write them down, and say them. Called in every process."""
    name = entry_of(trainer, split)
    module.log_dict({f"{name}/{score}": value for score, value in scores.items()}, rank_zero_only=False)
    if not trainer.is_global_zero:
        return
    if split == "test":
        before = read_results(trainer.default_root_dir).get(name, {}).get("card", {})
        card = card | {"scored": before.get("scored", 0) + 1}
    part = {"scores": scores, "standard_errors": errors, **more, "card": card}
    write_entry(Path(trainer.default_root_dir), name, part)
    say(f"{name}: " + "  ".join(f"{score} {with_error(value, errors.get(score))}" for score, value in scores.items()))


def write_entry(folder: Path, name: str, part: dict[str, Any]) -> None:
    """Put ``part`` into the file under ``name``, and leave the others as they are."""
    written = read_results(folder)
    written[name] = part
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{FILE}.partial"
    partial.write_text(json.dumps(numbers(written), indent=2) + "\n")
    os.replace(partial, folder / FILE)


def numbers(values: dict[Any, Any]) -> dict[Any, Any]:
    """As JSON can hold them, which knows no NaN; those of a table in it too."""
    return {name: numbers(value) if isinstance(value, dict) else finite(value) for name, value in values.items()}


def finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def with_error(value: float, error: float | None) -> str:
    """ "11.5 ± 0.2", the error to one digit; the value alone where there is none."""
    return f"{value:.4g}" if not error or not math.isfinite(error) else f"{value:.4g} ± {error:.1g}"
