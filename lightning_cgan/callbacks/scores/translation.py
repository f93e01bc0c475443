"""Scores of translations: what they have in common, and those of colour and of the way there and back."""

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torchmetrics.utilities.distributed import gather_all_tensors

from lightning_cgan.batches import EvalOutput, to_bytes
from lightning_cgan.callbacks.scores.card import card
from lightning_cgan.console import info
from lightning_cgan.interfaces import data_facts
from lightning_cgan.metrics.colour import BINS, RANGES, colour_counts, colour_moments, intersection, lab, spread
from lightning_cgan.metrics.distribution.all_scores import ScoreResult, finished
from lightning_cgan.metrics.jackknife import GROUPS
from lightning_cgan.metrics.paired import cycle_errors
from lightning_cgan.metrics.segmentation import by_group, leaving_out
from lightning_cgan.runs.metrics_json import entry_of, report


class TranslationScores(Callback):
    """Base of scores that are computed from sums over pictures. A subclass answers ``take`` and ``scores``.

    Sums are kept for each of ten groups of pictures, so that an evaluation of any size takes little memory, processes
    have only to add theirs up, and each score has the standard error of a jackknife over pictures. Which group a
    picture is in does not depend on the number of processes. Scores of generated images that hold NaN or infinity are
    NaN; a note says so, and the run goes on.
    """

    def __init__(self) -> None:
        self.said: set[str] = set()

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.sums: dict[str, Tensor] = {}
        self.notes: list[str] = []

    def on_validation_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: EvalOutput, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        self.batch = batch_idx
        self.number = batch_idx * trainer.world_size + trainer.global_rank  # among the batches of all processes
        self.add("reals", torch.ones(len(outputs.real)))
        self.add("fakes", torch.ones(len(outputs.fake)))
        self.take(trainer, outputs)

    def on_validation_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        if not trainer.sanity_checking:
            self.finish(trainer, module, "val")

    on_test_start, on_test_batch_end = on_validation_start, on_validation_batch_end

    def on_test_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        self.finish(trainer, module, "test")

    def take(self, trainer: Trainer, outputs: EvalOutput) -> None:
        """Take in one batch, which may be empty."""
        raise NotImplementedError

    def scores(self, trainer: Trainer, module: LightningModule) -> dict[str, Tensor]:
        """Scores (1 + G,), whole and without each group, from ``self.sums``; each process calls it."""
        raise NotImplementedError

    def more(self, trainer: Trainer, module: LightningModule) -> ScoreResult:
        """Scores that do not come from sums; each process calls it."""
        return ScoreResult({}, {}, [])

    def said_on_card(self) -> dict[str, Any]:
        """How the scores were measured."""
        return {}

    def add(self, name: str, values: Tensor) -> None:
        """Add up ``values`` (B, ...) of this batch's pictures."""
        values = values.detach().cpu()
        sums = by_group(values, (torch.arange(len(values)) + self.number) % GROUPS)
        self.sums[name] = self.sums[name] + sums if name in self.sums else sums

    def usable(self, name: str, image: Tensor) -> Tensor:
        """``image`` with numbers where it has none; how many such images ``name`` met is kept in mind."""
        whole = image.isfinite().flatten(1).all(1) if len(image) else torch.zeros(0, dtype=torch.bool)
        self.add(f"broken {name}", (~whole).double())
        return image if bool(whole.all()) else image.nan_to_num(0.0, 0.0, 0.0)

    def broken(self, name: str) -> bool:
        """Whether ``name`` met images that were no numbers."""
        return f"broken {name}" in self.sums and bool(self.sums[f"broken {name}"].any())

    def finish(self, trainer: Trainer, module: LightningModule, split: str) -> None:
        if trainer.world_size > 1:
            self.sums = {name: added_up(sums, module.device) for name, sums in sorted(self.sums.items())}
        found, more = self.scores(trainer, module), self.more(trainer, module)
        for name in [name.removeprefix("broken ") for name in self.sums if name.startswith("broken ")]:
            if self.broken(name):
                self.notes.append(f"{name}: generated images hold NaN or infinity; nothing was scored.")
        self.notes += more.notes
        for note in self.notes:
            self.warn(f"{entry_of(trainer, split)}: {note}")
        if not found and not more.value:
            return
        scored = finished(found, self.notes)
        reals, fakes = (int(self.sums[name].sum()) if name in self.sums else 0 for name in ("reals", "fakes"))
        written = card(trainer, module, split, reals, fakes) | self.said_on_card()
        value, error = scored.value | more.value, scored.error | more.error
        report(trainer, module, split, value, error, written, notes=self.notes)

    def without(self, name: str, scores: dict[str, Tensor]) -> dict[str, Tensor]:
        """``scores`` of ``name``; NaN if it met images that were no numbers."""
        return {key: value.new_full((1,), torch.nan) for key, value in scores.items()} if self.broken(name) else scores

    def note(self, text: str) -> None:
        """Say ``text`` beside this evaluation's scores."""
        if text not in self.notes:
            self.notes.append(text)

    def warn(self, note: str) -> None:
        """Say ``note`` on the screen, once in a run: each validation has the same to say."""
        if note not in self.said:
            info(f"warning: {note}")
        self.said.add(note)


def added_up(sums: Tensor, device: torch.device) -> Tensor:
    """The sum over all processes, in each of them."""
    return torch.stack(gather_all_tensors(sums.contiguous().to(device))).sum(0).cpu()


def gives_labels(trainer: Trainer, back: bool) -> bool:
    """Whether the direction a to b, or ``back``, generates label maps."""
    return data_facts(trainer.datamodule).labels_in == ("a" if back else "b")


class ColourScores(TranslationScores):
    """Logs ``lab_intersection_l``, ``…_a`` and ``…_b``: what the histograms of generated and of real pictures share, by
    :mod:`lightning_cgan.metrics.colour`; and how far the colours spread, ``lab_spread_l`` and so on, beside
    ``real_lab_spread_l`` and so on. After ``val/`` or ``test/``, and in ``metrics.json``.

    Label maps are not scored. Where a paper learns both ways and both give pictures, the scores of the way back, from b
    to a, are those with ``back_`` before them. Nothing is asked of pairs.
    """

    def take(self, trainer: Trainer, outputs: EvalOutput) -> None:
        labels = data_facts(trainer.datamodule).labels_in
        for back, one in enumerate([outputs, outputs.reverse] if outputs.reverse else [outputs]):
            if gives_labels(trainer, bool(back)):
                continue
            prefix = "back_" if back and not labels else ""
            if one.fake.shape[1] != 3:
                self.note(f"{prefix}lab: pictures of three channels have colours; met {one.fake.shape[1]}.")
                continue
            self.measure(f"{prefix}lab", self.usable(f"{prefix}lab", one.fake))
            self.measure(f"{prefix}real_lab", one.real)

    def measure(self, name: str, image: Tensor) -> None:
        colour = lab(to_bytes(image))
        self.add(f"{name} counts", colour_counts(colour))
        self.add(f"{name} moments", colour_moments(colour))

    def scores(self, trainer: Trainer, module: LightningModule) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for prefix in ("", "back_"):
            if f"{prefix}lab counts" not in self.sums:
                continue
            fake, real = (leaving_out(self.sums[f"{prefix}{kind}lab counts"]) for kind in ("", "real_"))
            shared = intersection(fake, real[:1])
            wide, real_wide = (spread(leaving_out(self.sums[f"{prefix}{kind}lab moments"])) for kind in ("", "real_"))
            scores = {f"{prefix}lab_intersection_{axis}": shared[:, k] for k, axis in enumerate(RANGES)}
            scores |= {f"{prefix}lab_spread_{axis}": wide[:, k] for k, axis in enumerate(RANGES)}
            found |= self.without(f"{prefix}lab", scores)
            found |= {f"{prefix}real_lab_spread_{axis}": real_wide[:, k] for k, axis in enumerate(RANGES)}
        return found

    def said_on_card(self) -> dict[str, Any]:
        return {"lab": {"bins": BINS, "ranges": {axis: list(bounds) for axis, bounds in RANGES.items()}}}


class CycleScores(TranslationScores):
    """Logs ``cycle_error_a``, how far images of a are from what comes back of them by way of b, and ``cycle_error_b``:
    mean absolute differences in [-1, 1], by :mod:`lightning_cgan.metrics.paired`. After ``val/`` or ``test/``, and in
    ``metrics.json``. A direction that a paper does not return from has no score.
    """

    def take(self, trainer: Trainer, outputs: EvalOutput) -> None:
        for domain, one in zip("ab", [outputs, outputs.reverse] if outputs.reverse else [outputs], strict=False):
            if one.reconstruction is None or one.source is None:
                continue
            name = f"cycle_error_{domain}"
            error = cycle_errors(one.source, self.usable(name, one.reconstruction))
            self.add(name, torch.stack([error, torch.ones_like(error)], 1))

    def scores(self, trainer: Trainer, module: LightningModule) -> dict[str, Tensor]:
        names = [name for name in ("cycle_error_a", "cycle_error_b") if name in self.sums]
        if not names:
            self.note("cycle_error: nothing comes back; the model translates one way.")
        found: dict[str, Tensor] = {}
        for name in names:
            total, count = leaving_out(self.sums[name]).unbind(1)
            found |= self.without(name, {name: total / count})
        return found
