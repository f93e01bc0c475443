"""``metrics.json`` in the run folder: the scores of each evaluation, each with its standard error and its card."""

import math
from datetime import UTC, datetime
from pathlib import Path
from textwrap import fill
from typing import Any

from lightning.pytorch import LightningModule, Trainer

from lightning_cgan.console import info
from lightning_cgan.errors import UserError
from lightning_cgan.interfaces import data_facts
from lightning_cgan.protocol import Protocol
from lightning_cgan.runs.checkpoint_files import BEST, LAST, best_is_last
from lightning_cgan.runs.files import one_at_a_time, read_json, write_json
from lightning_cgan.runs.partial import partial

FILE = "metrics.json"
WIDTH = 100  # characters in a printed line
PARTIAL = "_partial"  # suffix of an evaluation that did not use all of its data


def entry_name(split: str, protocol: Protocol, checkpoint: str | None, folder: str) -> str:
    """The name of an evaluation in the run ``folder``, in ``metrics.json`` and in the log.

    "val"; "test", of the best checkpoint if there is one, or of one from elsewhere; "test_last", of the run's last
    checkpoint if there is a best; "test_mimicry", ... by another protocol than OWN.
    """
    if split != "test":
        return split
    name = split if protocol is Protocol.OWN else f"{split}_{protocol.name.lower()}"
    last = checkpoint is not None and Path(checkpoint).resolve() == Path(folder, LAST).resolve()
    second = last and Path(folder, BEST).is_file()
    return f"{name}_last" if second else name


def entry_of(trainer: Trainer, split: str) -> str:
    """:func:`entry_name` of the running evaluation; "test_partial", ... if it does not use all data."""
    protocol = data_facts(trainer.datamodule).protocol
    name = entry_name(split, protocol, trainer.ckpt_path and str(trainer.ckpt_path), trainer.default_root_dir)
    return f"{name}{PARTIAL}" if trainer.state.fn != "fit" and partial(trainer) else name


def read_results(folder: str | Path) -> dict[str, Any]:
    """The content of ``metrics.json`` in the run folder; empty if there is none. A broken file is set aside."""
    return read_json(Path(folder, FILE), dict)


class Entry:
    """The entry of one evaluation in ``metrics.json``. The first callback that reports begins it; the others add to it.

    The entry of a test stands under its name with "_partial" until :meth:`settle` is called at the end of the test:
    an interrupted test does not count as a look at the test data.

    Args:
        trainer: that runs the evaluation.
        split: "val" or "test".
    """

    def __init__(self, trainer: Trainer, split: str) -> None:
        self.trainer, self.split = trainer, split
        self.folder = Path(trainer.default_root_dir)
        self.started = False
        self.settled = split != "test"

    @property
    def name(self) -> str:
        """The evaluation's name in the log: "val", "test", "test_last", "test_partial", ..."""
        return entry_of(self.trainer, self.split)

    def report(
        self,
        module: LightningModule,
        scores: dict[str, float],
        errors: dict[str, float],
        card: dict[str, Any],
        **more: Any,
    ) -> None:
        """Log ``scores`` under the evaluation's name, write them to the file and print them. Called in every process.

        Args:
            module: that logs.
            scores: by name; NaN where a score could not be computed.
            errors: the standard error of each score that has one.
            card: the evaluation card.
            **more: other keys of the entry: lists and dictionaries extend what other callbacks wrote.

        Raises:
            UserError: if the file cannot be written; a warning while training, which continues.
        """
        name = self.name
        module.log_dict({f"{name}/{score}": value for score, value in scores.items()}, rank_zero_only=False)
        if not self.trainer.is_global_zero:
            return
        if left := partial(self.trainer):
            card = card | {"partial": left}
        info(summary(name, scores, errors, card))
        part = {"scores": scores, "standard_errors": errors, **more, "card": card}
        path = self.folder / FILE
        try:
            with one_at_a_time(path):
                self.write(name, part)
        except OSError as error:
            if self.trainer.state.fn != "fit":
                raise UserError(
                    f"Scores are kept in the run folder; got {path}: {error.strerror or error}. "
                    "Make room there, or set --trainer.default_root_dir."
                ) from error
            info(f"warning: {path} was not written: {error.strerror or error}")

    def write(self, name: str, part: dict[str, Any]) -> None:
        """Write ``part`` to the file, as a new entry or as an addition to the one that this evaluation has begun."""
        joins, self.started = self.started, True
        file_name = name if self.settled else f"{name.removesuffix(PARTIAL)}{PARTIAL}"
        written = read_results(self.folder)
        if self.split == "test" and not joins:
            # The cards of `fit` have no time: a resumed run ends with the same file.
            now = datetime.now(UTC).isoformat(timespec="seconds")
            scored = written.get(name, {}).get("card", {}).get("scored", 0) + 1
            part["card"] = part["card"] | {"scored": scored, "time": now}
        part = joined(written.get(file_name, {}), part) if joins else part
        write_entry(self.folder, file_name, part)
        if self.settled:
            copy_to_last(self.trainer, name)

    def settle(self) -> None:
        """Give the entry its own name when the test has ended, unless data were left out."""
        self.settled = True
        if not self.started or not self.trainer.is_global_zero or partial(self.trainer):
            return
        name = self.name
        with one_at_a_time(self.folder / FILE):
            if part := read_results(self.folder).get(f"{name}{PARTIAL}"):
                write_entry(self.folder, name, part, replaces=f"{name}{PARTIAL}")
                copy_to_last(self.trainer, name)


def copy_to_last(trainer: Trainer, name: str) -> None:
    """Copy the scores of the best checkpoint to those of the last, if both are the same."""
    folder = Path(trainer.default_root_dir)
    best = trainer.state.fn == "test" and Path(str(trainer.ckpt_path)).name == BEST
    if best and not name.endswith(PARTIAL) and best_is_last(folder):
        write_entry(folder, f"{name}_last", read_results(folder)[name])


def joined(before: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """An entry extended by ``part``: lists are appended, dictionaries merged."""
    both = {**before}
    for name, value in part.items():
        known = before.get(name)
        both[name] = known + value if isinstance(known, list) else known | value if isinstance(known, dict) else value
    for count in ("reals", "fakes"):  # a score that uses no real images leaves the number that another one used
        counts = [entry["card"][count] for entry in (before, part) if count in entry.get("card", {})]
        if counts:
            both["card"][count] = max(counts)
    return both


def write_entry(folder: Path, name: str, part: dict[str, Any], replaces: str = "") -> None:
    """Write ``part`` to the file under ``name``, instead of ``replaces``; other entries are unchanged."""
    written = read_results(folder)
    written.pop(replaces, None)
    written[name] = part
    write_json(folder / FILE, numbers(written))


def numbers(values: dict[Any, Any]) -> dict[Any, Any]:
    """``values`` as JSON can hold them: NaN and infinity become None, also in nested dictionaries."""
    return {name: numbers(value) if isinstance(value, dict) else finite(value) for name, value in values.items()}


def finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def summary(name: str, scores: dict[str, float], errors: dict[str, float], card: dict[str, Any]) -> str:
    """The scores in lines of at most 100 characters, after the evaluation's name and its checkpoint."""
    held = card.get("checkpoint")
    head = f"{name}, {held['name']} of update {card['update']}" if held else name
    each = [
        f"{score} {with_error(value, errors.get(score))}".replace(" ", "\N{NO-BREAK SPACE}")
        for score, value in scores.items()
    ]
    lines = fill("  ".join(each), WIDTH, initial_indent=f"{head}: ", subsequent_indent="  ", break_on_hyphens=False)
    return lines.replace("\N{NO-BREAK SPACE}", " ")


def with_error(value: float, error: float | None) -> str:
    """ "11.50 ± 0.23", the error to two digits; the value alone without an error, or with one below its sixth digit."""
    if not error or not math.isfinite(error) or error < 1e-5 * abs(value):
        return f"{value:.4g}"
    places = 1 - int(f"{error:.1e}".partition("e")[2])
    value, error = round(value, places), round(error, places)
    return f"{value:.{max(places, 0)}f} ± {error:.{max(places, 0)}f}"
