"""Scores of translations that are computed from sums over images; colour and cycle-consistency scores."""

from typing import Any

import torch
from torch import Tensor
from torchmetrics.utilities.distributed import gather_all_tensors

from lightning_cgan.batches import EvalOutput, to_bytes
from lightning_cgan.callbacks.scores.base import ScoreCallback, ScoreReport
from lightning_cgan.interfaces import DataFacts
from lightning_cgan.metrics.colour import BINS, RANGES, colour_counts, colour_moments, intersection, lab, spread
from lightning_cgan.metrics.distribution.all_scores import ScoreResult, finished
from lightning_cgan.metrics.jackknife import GROUPS
from lightning_cgan.metrics.paired import cycle_errors
from lightning_cgan.metrics.segmentation import by_group, leaving_out


class TranslationScores(ScoreCallback):
    """Base of scores that are computed from sums over images. A subclass writes ``accumulate`` and ``scores``.

    Sums are kept for each of ten groups of images: an evaluation of any size takes little memory, the processes only
    add up their sums, and each score has the standard error of a jackknife over images. The group of an image does not
    depend on the number of processes. Where generated images hold NaN or infinity their scores are NaN, with a note.
    """

    def accumulate(self, outputs: EvalOutput) -> None:
        """Add one batch, which may be empty, to the sums."""
        raise NotImplementedError

    def scores(self) -> dict[str, Tensor]:
        """Scores (1 + G,), of all groups and without each group, from ``self.sums``; called in every process."""
        raise NotImplementedError

    def further_scores(self) -> ScoreResult:
        """Scores that do not come from sums; called in every process."""
        return ScoreResult({}, {}, [])

    def card(self) -> dict[str, Any]:
        """Additions to the evaluation card."""
        return {}

    def start(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.notes: list[str] = []

    def update(self, outputs: EvalOutput) -> None:
        self.add("reals", torch.ones(len(outputs.real)))
        self.add("fakes", torch.ones(len(outputs.fake)))
        self.accumulate(outputs)

    def add(self, name: str, values: Tensor) -> None:
        """Add ``values`` (B, ...) of the current batch's images to the sums of ``name``."""
        values = values.detach().cpu()
        sums = by_group(values, (torch.arange(len(values)) + self.evaluation.batch_number) % GROUPS)
        self.sums[name] = self.sums[name] + sums if name in self.sums else sums

    def finite(self, name: str, image: Tensor) -> Tensor:
        """``image`` with NaN and infinity replaced; the number of such images is added to the sums of ``name``."""
        whole = image.isfinite().flatten(1).all(1) if len(image) else torch.zeros(0, dtype=torch.bool)
        self.add(f"broken {name}", (~whole).double())
        return image if bool(whole.all()) else image.nan_to_num(0.0, 0.0, 0.0)

    def broken(self, name: str) -> bool:
        """Whether images of ``name`` held NaN or infinity."""
        return f"broken {name}" in self.sums and bool(self.sums[f"broken {name}"].any())

    def compute(self) -> ScoreReport:
        if self.evaluation.world_size > 1:
            device = self.evaluation.device
            self.sums = {name: added_up(sums, device) for name, sums in sorted(self.sums.items())}
        found, more = self.scores(), self.further_scores()
        for name in [name.removeprefix("broken ") for name in self.sums if name.startswith("broken ")]:
            if self.broken(name):
                self.notes.append(f"{name}: generated images hold NaN or infinity; nothing was scored.")
        self.notes += more.notes
        scored = finished(found, self.notes)
        reals, fakes = (int(self.sums[name].sum()) if name in self.sums else 0 for name in ("reals", "fakes"))
        value, error = scored.value | more.value, scored.error | more.error
        return ScoreReport(value, error, reals, fakes, card=self.card(), notes=self.notes)

    def nan_if_broken(self, name: str, scores: dict[str, Tensor]) -> dict[str, Tensor]:
        """``scores`` of ``name``; NaN where its images held NaN or infinity."""
        return {key: value.new_full((1,), torch.nan) for key, value in scores.items()} if self.broken(name) else scores

    def note(self, text: str) -> None:
        """Add a note to this evaluation's scores, once."""
        if text not in self.notes:
            self.notes.append(text)


def added_up(sums: Tensor, device: torch.device) -> Tensor:
    """The sum over all processes, in each of them."""
    return torch.stack(gather_all_tensors(sums.contiguous().to(device))).sum(0).cpu()


def generates_labels(data: DataFacts, back: bool) -> bool:
    """Whether the direction a to b, or the reverse where ``back``, generates label maps."""
    return data.labels_in == ("a" if back else "b")


class ColourScores(TranslationScores):
    """Logs ``lab_intersection_l``, ``…_a`` and ``…_b``: the overlap of the Lab histograms of generated and real images,
    by :mod:`lightning_cgan.metrics.colour`; and ``lab_spread_l``, ...: the standard deviation of the generated colours,
    beside ``real_lab_spread_l``, ... of the real ones. Pairs are not needed.

    Label maps are not scored. Where a paper learns both directions and both generate images, the scores of the reverse
    direction, b to a, have ``back_`` before their names.
    """

    def accumulate(self, outputs: EvalOutput) -> None:
        labels = self.evaluation.data.labels_in
        for back, one in enumerate([outputs, outputs.reverse] if outputs.reverse else [outputs]):
            if generates_labels(self.evaluation.data, bool(back)):
                continue
            prefix = "back_" if back and not labels else ""
            if one.fake.shape[1] != 3:
                self.note(f"{prefix}lab: colours need images of three channels; got {one.fake.shape[1]}.")
                continue
            self.measure(f"{prefix}lab", self.finite(f"{prefix}lab", one.fake))
            self.measure(f"{prefix}real_lab", one.real)

    def measure(self, name: str, image: Tensor) -> None:
        colour = lab(to_bytes(image))
        self.add(f"{name} counts", colour_counts(colour))
        self.add(f"{name} moments", colour_moments(colour))

    def scores(self) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for prefix in ("", "back_"):
            if f"{prefix}lab counts" not in self.sums:
                continue
            fake, real = (leaving_out(self.sums[f"{prefix}{kind}lab counts"]) for kind in ("", "real_"))
            shared = intersection(fake, real[:1])
            wide, real_wide = (spread(leaving_out(self.sums[f"{prefix}{kind}lab moments"])) for kind in ("", "real_"))
            scores = {f"{prefix}lab_intersection_{axis}": shared[:, k] for k, axis in enumerate(RANGES)}
            scores |= {f"{prefix}lab_spread_{axis}": wide[:, k] for k, axis in enumerate(RANGES)}
            found |= self.nan_if_broken(f"{prefix}lab", scores)
            found |= {f"{prefix}real_lab_spread_{axis}": real_wide[:, k] for k, axis in enumerate(RANGES)}
        return found

    def card(self) -> dict[str, Any]:
        return {"lab": {"bins": BINS, "ranges": {axis: list(bounds) for axis, bounds in RANGES.items()}}}


class CycleScores(TranslationScores):
    """Logs ``cycle_error_a``, the mean absolute difference between images of a and their reconstructions by way of b,
    and ``cycle_error_b``; images are in [-1, 1] (:mod:`lightning_cgan.metrics.paired`). A direction without
    reconstructions has no score.
    """

    def accumulate(self, outputs: EvalOutput) -> None:
        for domain, one in zip("ab", [outputs, outputs.reverse] if outputs.reverse else [outputs], strict=False):
            if one.reconstruction is None or one.source is None:
                continue
            name = f"cycle_error_{domain}"
            error = cycle_errors(one.source, self.finite(name, one.reconstruction))
            self.add(name, torch.stack([error, torch.ones_like(error)], 1))

    def scores(self) -> dict[str, Tensor]:
        names = [name for name in ("cycle_error_a", "cycle_error_b") if name in self.sums]
        if not names:
            self.note("cycle_error: not scored, because the model translates one way and returns no reconstructions.")
        found: dict[str, Tensor] = {}
        for name in names:
            total, count = leaving_out(self.sums[name]).unbind(1)
            found |= self.nan_if_broken(name, {name: total / count})
        return found
