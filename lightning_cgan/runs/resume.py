"""Selects the checkpoint that a run resumes from; warnings and errors for missing or damaged files."""

import os
import shutil
from pathlib import Path
from typing import Any

from lightning_cgan.checksum import DamagedFile
from lightning_cgan.console import info
from lightning_cgan.errors import UserError
from lightning_cgan.runs.checkpoint_files import BEST, LAST, PREVIOUS, content_of

TRACES = (LAST, PREVIOUS, BEST, "metrics.csv")  # files of a run that has begun; the first checkpoint is of update 0
GENERATIONS = 3  # checkpoints that one more save may need: the new last, the previous, the best


def checkpoint_to_resume(folder: str | Path) -> str | None:
    """The newest checkpoint of the run that verifies, with a warning if another was skipped; None if no run has begun.

    Also None at update 0, because the same command starts from the same bits.

    Raises:
        UserError: if a run has begun and none of its checkpoints verifies.
    """
    folder = Path(folder)
    traces = [name for name in TRACES if (folder / name).exists()]
    skipped: list[str] = []
    for name in (LAST, PREVIOUS):
        try:
            update = content_of(folder / name)["global_step"]
        except FileNotFoundError:
            skipped.append(f"{name} is missing")
        except (DamagedFile, OSError, KeyError) as error:
            skipped.append(f"{name} is damaged ({error})")
        else:
            if skipped and traces:
                info(f"warning: in {folder} {skipped[0]}: resuming from {name}, of update {update}")
            return str(folder / name) if update else None
    if not traces:
        return None
    raise UserError(
        f"A run resumes from {LAST} or {PREVIOUS}; got {folder} with {', '.join(traces)}: {' and '.join(skipped)}. "
        f"Put {LAST} back, or start over with --fresh, which keeps the folder under another name"
        + (f", or set --ckpt_path {folder / BEST}." if BEST in traces else ".")
    )


def tell_missing(folder: str | Path, checkpoint: dict[str, Any]) -> None:
    """Warn about missing files of a resumed run."""
    update = checkpoint["global_step"]
    if update and not Path(folder, "metrics.csv").exists():
        info(f"warning: {folder}/metrics.csv is missing: the log begins at update {update}")
    validated = any(state.get("best_model_path") for state in callback_states(checkpoint))
    if validated and not Path(folder, "metrics.json").exists():
        info(f"warning: {folder}/metrics.json is missing: the scores so far are lost")


def callback_states(checkpoint: dict[str, Any]) -> list[dict[str, Any]]:
    return [state for state in checkpoint.get("callbacks", {}).values() if isinstance(state, dict)]


def is_completed(folder: str | Path) -> bool:
    """Whether the report, the last file of a command, is newer than the other files."""
    report, *made = (Path(folder, name) for name in ("report.html", LAST, "metrics.json"))
    times = [path.stat().st_mtime_ns for path in made if path.is_file()]
    return report.is_file() and report.stat().st_mtime_ns >= max(times, default=0)


def check_usable(folder: str | Path) -> None:
    """Refuse a run folder that cannot be written to, before any work is done.

    Raises:
        UserError: naming the obstacle.
    """
    path = Path(folder).absolute()
    there = next(parent for parent in (path, *path.parents) if os.path.lexists(parent))
    if not there.is_dir():
        what = "a link to nowhere" if there.is_symlink() and not there.exists() else "a file"
        raise UserError(f"A run needs a folder; got {folder}, where {there} is {what}. Set --trainer.default_root_dir.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UserError(
            f"A run writes into its folder; got {folder}, where {there} is read-only. Set --trainer.default_root_dir."
        )


def warn_of_little_space(folder: str | Path, size: int) -> None:
    """Warn if the disk has too little space for the checkpoints of a run, of about ``size`` bytes each."""
    try:
        needed, free = GENERATIONS * size, shutil.disk_usage(folder).free
    except OSError:  # no such folder
        return
    if free < needed:
        info(
            f"warning: {folder} has {free} bytes free; saving this run takes up to {needed}. "
            "Until there is room, the last good checkpoint is kept"
        )
