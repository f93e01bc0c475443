"""The run folder: its default path, its checkpoints, and checks that a command fits the run in it."""

from pathlib import Path
from typing import Any

import torch

from lightning_cgan.checksum import DamagedFile
from lightning_cgan.console import info
from lightning_cgan.errors import UserError
from lightning_cgan.runs.checkpoint_files import BEST, LAST, PREVIOUS, best_is_last, content_of, update_of
from lightning_cgan.runs.flatten import flatten
from lightning_cgan.runs.may_change import MAY_CHANGE


def default_folder(configs: list[str]) -> str:
    """``runs/projection/digits`` for ``experiments/projection/digits.yaml``; the first file names the run."""
    if not configs:
        return "runs/unnamed"
    path = Path(configs[0]).absolute()
    return str(Path("runs") / path.parent.name / path.stem)


def set_aside(folder: str) -> Path | None:
    """Rename the folder of an earlier run to the first free number; None if there is none."""
    old = Path(folder)
    if not old.exists() or all(path.suffix == ".lock" for path in old.iterdir()):  # only this run's own lock
        return None
    number = 1
    while (aside := old.with_name(f"{old.name}.{number}")).exists():
        number += 1
    return old.rename(aside)


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """The content of a checkpoint of ``fit``, as ``checkpoint_files.content_of`` reads it.

    Raises:
        UserError: if the file is missing or damaged, or is not a checkpoint of this suite.
    """
    if not Path(path).is_file():
        raise UserError(
            f"A checkpoint is a file that `fit` has written; there is no {path}. "
            f"Run `fit` with the same --config first, or set --ckpt_path{instead_of(path)}."
        )
    try:
        return content_of(path)
    except (DamagedFile, OSError) as cause:
        raise UserError(
            f"A checkpoint must be one that `lightning-cgan fit` wrote; {path} is broken or from elsewhere: {cause}. "
            f"Set --ckpt_path to another{instead_of(path)}."
        ) from cause


def instead_of(path: str | Path) -> str:
    """The other checkpoints in the folder that verify, for a message."""
    others = [Path(path).with_name(name) for name in (BEST, LAST, PREVIOUS) if name != Path(path).name]
    good = [str(other) for other in others if update_of(other) is not None]
    return f", such as {' or '.join(good)}" if good else ""


def find_checkpoint(folder: str, wanted: str | None) -> str:
    """The checkpoint to evaluate: the path ``wanted``, "best" or "last"; by default the best, else the last."""
    if wanted in ("best", "last"):
        return f"{folder}/{wanted}.ckpt"
    if wanted:
        return wanted
    return f"{folder}/{BEST if Path(folder, BEST).is_file() else LAST}"


def check_own(folder: str, path: str) -> None:
    """Refuse to write scores of another run's checkpoint to the run in ``folder``.

    Raises:
        UserError: naming the folder of that run.
    """
    elsewhere = Path(path).resolve().parent
    if Path(folder, LAST).is_file() and elsewhere != Path(folder).resolve():
        raise UserError(
            f"Scores are written beside their checkpoint; got {path} for the run in {folder}. "
            f"Set --trainer.default_root_dir to {elsewhere}, or to a new folder."
        )


def second_checkpoint(folder: str) -> str | None:
    """The last checkpoint, to be tested after the best; None if there is no best, or both are the same."""
    best, last = Path(folder, BEST), Path(folder, LAST)
    if not best.is_file() or not last.is_file() or best_is_last(folder):
        return None
    if update_of(last) is None:
        info(f"warning: {last} is damaged: {BEST} alone is scored. The same `fit` command resumes from {PREVIOUS}")
        return None
    return str(last)


def scored_already(folder: str, entry: dict[str, Any], update: int) -> str:
    """The message for a second test of a run that is already scored.

    Args:
        folder: of the run.
        entry: the test's entry in ``metrics.json``.
        update: of the checkpoint that would be tested now.
    """
    card = entry.get("card", {})
    before = card.get("update")
    changed = f"; the checkpoint is now of update {update}" if before not in (None, update) else ""
    return (
        f"this run is scored: on {str(card.get('time', 'an unknown day'))[:10]}, at update {before}{changed}\n"
        f"{folder}/metrics.json and report.html say what came out\n"
        "--again scores it again, and the card counts how often; choices between runs belong on validation data"
    )


def unfinished(folder: str, updates: int) -> str | None:
    """The warning before a test of a run that has not taken all of its ``updates``; None if it has."""
    done = update_of(Path(folder, LAST))
    if done is None or done >= updates:
        return None
    return (
        f"warning: this run is not finished: {done} of {updates} updates. Test data are scored once, best when it is; "
        "until then there is `validate`"
    )


def alike(key: str, before: Any, now: Any) -> bool:
    """Whether two values of a configuration are equal; a newer spec may have more fields, all 0 or False."""
    if key == "model.init_args.spec" and isinstance(before, list) and isinstance(now, list):
        return before == now[: len(before)] and not any(now[len(before) :])
    return bool(before == now)


def check_same_run(checkpoint: dict[str, Any], description: dict[str, Any], folder: str) -> None:
    """Refuse to resume a run with another model, other data or another seed.

    Raises:
        UserError: naming the first keys that differ.
    """
    before, now = flatten(checkpoint["hyper_parameters"]), flatten(description)
    different = [
        f"{key} was {before.get(key)}, now {now.get(key)}"
        for key in sorted(before | now)
        if not alike(key, before.get(key), now.get(key)) and key.rpartition(".")[2] not in MAY_CHANGE
    ]
    if different:
        raise UserError(
            f"A run resumes with the model, data and seed it was started with; in {folder} {'; '.join(different[:3])}. "
            "Set them back, or start over with --fresh, or set --trainer.default_root_dir to a new folder."
        )


def check_fits(checkpoint: dict[str, Any], model: torch.nn.Module, path: str) -> None:
    """Refuse a checkpoint of another model.

    Raises:
        UserError: naming the first weights that differ.
    """
    held = {name: tuple(value.shape) for name, value in checkpoint["state_dict"].items()}
    asked = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    name = next((name for name in {**asked, **held} if held.get(name) != asked.get(name)), None)
    if name:
        kind = checkpoint["hyper_parameters"].get("model", {}).get("class_path", "a model")
        raise UserError(
            f"A checkpoint must hold the weights of the model that is asked for; got {path}, which is of "
            f"{kind} with {name} {held.get(name, 'absent')}, "
            f"the model has {asked.get(name, 'none')}. Set --ckpt_path or --config to the one that belongs to it."
        )
