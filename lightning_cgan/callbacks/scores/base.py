"""``ScoreCallback``, the base of every callback that scores an evaluation, and the tools that its subclasses use."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torchmetrics.utilities.distributed import gather_all_tensors

from lightning_cgan.batches import EvalOutput
from lightning_cgan.callbacks.scores.card import card
from lightning_cgan.console import info
from lightning_cgan.errors import NonFiniteError, UserError
from lightning_cgan.interfaces import DataFacts, data_facts
from lightning_cgan.runs.metrics_json import Entry


@dataclass
class ScoreReport:
    """What :meth:`ScoreCallback.compute` returns.

    Attributes:
        scores: by name, as logged after ``val/`` or ``test/``; NaN where a score could not be computed. Empty: nothing
            is logged or written, the notes are still printed.
        standard_errors: of the scores that have one.
        reals: number of real images that were scored, for the evaluation card.
        fakes: number of generated images that were scored, for the evaluation card.
        card: additions to the evaluation card: which network or constants were used.
        notes: sentences that a reader of the scores needs; printed once a run, and written to ``metrics.json``.
        warnings: sentences that are only printed, once a run.
        more: other keys of the entry in ``metrics.json``, by name.
    """

    scores: dict[str, float]
    standard_errors: dict[str, float]
    reals: int
    fakes: int
    card: dict[str, Any] = field(default_factory=dict)
    notes: list[str] | None = None
    warnings: list[str] = field(default_factory=list)
    more: dict[str, Any] = field(default_factory=dict)


class Evaluation:
    """The evaluation that runs: its data, device and place among the processes. Shared by all score callbacks.

    Args:
        trainer: that runs it.
        module: the paper that is evaluated.
        split: "val" or "test".
    """

    def __init__(self, trainer: Trainer, module: LightningModule, split: str) -> None:
        self.trainer, self.module, self.split = trainer, module, split
        self.entry = Entry(trainer, split)
        self.batch_idx = 0  # of this process
        self.common_card: dict[str, Any] | None = None

    @property
    def data(self) -> DataFacts:
        """The data module."""
        return data_facts(self.trainer.datamodule)

    @property
    def device(self) -> torch.device:
        return self.module.device

    @property
    def testing(self) -> bool:
        """Whether this is a test, not a validation."""
        return self.split == "test"

    @property
    def rank(self) -> int:
        return self.trainer.global_rank

    @property
    def world_size(self) -> int:
        """The number of processes."""
        return self.trainer.world_size

    @property
    def batch_number(self) -> int:
        """The number of the current batch among the batches of all processes."""
        return self.batch_idx * self.world_size + self.rank

    @property
    def final(self) -> bool:
        """Whether no training follows this evaluation."""
        trainer = self.trainer
        return trainer.state.fn != "fit" or trainer.global_step >= trainer.max_steps > 0

    def card(self, reals: int, fakes: int) -> dict[str, Any]:
        """The evaluation card of a score of so many images."""
        if self.common_card is None:
            self.common_card = card(self.trainer, self.module, self.split, reals, fakes)
        return self.common_card | {"reals": reals, "fakes": fakes}


class ScoreCallback(Callback):
    """Base of the callbacks that log scores to ``val/`` and ``test/`` and write them to ``metrics.json``.

    A subclass writes ``update`` and ``compute``, and ``start`` where it has a state; the rest is done here: validation
    and test, the sanity check (not scored), the evaluation card, printing and writing. Scores have standard errors;
    a score that cannot be computed is NaN, with a note of the reason.

    ``self.evaluation`` is the running evaluation: its data, device, split and processes. ``compute`` is called in every
    process and returns the same in each: gather with :class:`PerImage`, and compute what is slow with
    :func:`on_first_process`.

    Example::

        class Brightness(ScoreCallback):
            def start(self):
                self.values = PerImage(self.evaluation)

            def update(self, outputs):
                self.values.add(brightness=outputs.fake.mean((1, 2, 3)))

            def compute(self):
                values = self.values.gather()
                scores, errors = means(values)
                return ScoreReport(scores, errors, reals=0, fakes=len(values["brightness"]))
    """

    evaluation: Evaluation
    printed_notes: frozenset[str] = frozenset()

    def start(self) -> None:
        """Prepare for an evaluation; called before its first batch."""

    def update(self, outputs: EvalOutput) -> None:
        """Take in the result of one ``validation_step`` or ``test_step``; its images may be none."""
        raise NotImplementedError

    def compute(self) -> ScoreReport:
        """The scores of the evaluation; called after its last batch, in every process."""
        raise NotImplementedError

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.begin(trainer, module, "val")

    def on_test_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.begin(trainer, module, "test")

    def on_validation_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        self.evaluation.batch_idx = batch_idx
        if not isinstance(outputs, EvalOutput):
            raise UserError(
                "Scores are computed from the lightning_cgan.batches.EvalOutput that validation_step and test_step "
                f"return; got {type(outputs).__name__} from {type(module).__name__}. Return one there, or leave "
                f"{type(self).__name__} out of trainer.callbacks."
            )
        self.update(outputs)

    on_test_batch_end = on_validation_batch_end

    def on_validation_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        if not trainer.sanity_checking:
            self.finish()

    def on_test_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        self.finish()

    def on_test_end(self, trainer: Trainer, module: LightningModule) -> None:
        if not self.evaluation.entry.settled:
            self.evaluation.entry.settle()

    def begin(self, trainer: Trainer, module: LightningModule, split: str) -> None:
        """Start an evaluation; the first score callback of the trainer creates the record that all share."""
        if trainer.datamodule is None:
            raise UserError(
                "Scores are measured against the reference images of a data module; got data loaders. "
                f"Pass datamodule= to the trainer, or leave out {type(self).__name__}."
            )
        first = next((each for each in trainer.callbacks if isinstance(each, ScoreCallback)), self)
        self.evaluation = Evaluation(trainer, module, split) if first is self else first.evaluation
        self.start()

    def finish(self) -> None:
        """Compute the scores, print the notes and report."""
        evaluation, found = self.evaluation, self.compute()
        for note in [*(found.notes or []), *found.warnings]:
            self.print_once(f"{evaluation.entry.name}: {note}")
        if not found.scores:
            return
        written = evaluation.card(found.reals, found.fakes) | found.card
        more = ({} if found.notes is None else {"notes": found.notes}) | found.more
        evaluation.entry.report(evaluation.module, found.scores, found.standard_errors, written, **more)

    def print_once(self, note: str) -> None:
        """Print ``note`` as a warning, once in a run: every validation may repeat it."""
        if note not in self.printed_notes:
            info(f"warning: {note}")
        self.printed_notes |= {note}


class PerImage:
    """Values of each image of an evaluation, added batch by batch, and gathered over all processes.

    Args:
        evaluation: that runs.
    """

    def __init__(self, evaluation: Evaluation) -> None:
        self.evaluation = evaluation
        self.columns: dict[str, list[Tensor]] = {}
        self.batches: list[Tensor] = []  # of each image the number of its batch over all processes

    def add(self, **values: Tensor) -> None:
        """Add values (B, ...) of the current batch; the same names for every batch."""
        for name, value in values.items():
            self.columns.setdefault(name, []).append(value.detach())
        images = len(next(iter(values.values())))
        self.batches.append(torch.full((images,), self.evaluation.batch_number))

    def gather(self) -> dict[str, Tensor]:
        """By name (N, ...) on the evaluation's device: the images of all processes, in the order of one process.

        A process without a batch may take part where the values are (B,) float64.
        """
        device = self.evaluation.device
        columns = {name: torch.cat(parts).to(device) for name, parts in self.columns.items()}
        if self.evaluation.world_size == 1:
            return columns
        names = self.evaluation.trainer.strategy.broadcast(list(columns))
        nothing = torch.zeros(0, dtype=torch.float64, device=device)
        batch = torch.cat([torch.zeros(0, dtype=torch.int64), *self.batches]).to(device)
        order = gathered(batch).argsort(stable=True)
        return {name: gathered(columns.get(name, nothing))[order] for name in names}


def gathered(values: Tensor) -> Tensor:
    """The rows (K, ...) of all processes, which may have different numbers of them."""
    return torch.cat(gather_all_tensors(values.contiguous()))


def means(values: dict[str, Tensor]) -> tuple[dict[str, float], dict[str, float]]:
    """Means of the (N,) values of each name, and their standard errors; NaN for fewer than two images."""
    return (
        {name: column.mean().item() for name, column in values.items()},
        {name: error_of_mean(column) for name, column in values.items()},
    )


def error_of_mean(values: Tensor) -> float:
    """The standard error of the mean of (N,) values; NaN for fewer than two."""
    return values.std().item() / math.sqrt(len(values)) if len(values) > 1 else math.nan


def on_first_process(trainer: Trainer, work: Callable[[], Any]) -> Any:
    """The result of ``work`` in the first process, broadcast to every process; its error is raised in all of them."""
    done: Any = None
    if trainer.is_global_zero:
        try:
            done = work()
        except Exception as error:  # raised in this process alone it would leave the others waiting
            known = isinstance(error, UserError | NonFiniteError)
            done = error if known else RuntimeError(f"{type(error).__name__}: {error}")
            if trainer.world_size == 1:
                raise
    done = trainer.strategy.broadcast(done)
    if isinstance(done, Exception):
        raise done
    return done
