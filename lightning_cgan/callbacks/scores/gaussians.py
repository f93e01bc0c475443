"""Mode-coverage scores, scatter plots and predictions for Gaussian mixtures."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor
from torchvision.io import ImageReadMode, read_image

from lightning_cgan.batches import EvalOutput, Mixture
from lightning_cgan.callbacks.pictures import Predictions, SampleGrid, picture_name, show
from lightning_cgan.callbacks.scores.base import PerImage, ScoreCallback, ScoreReport
from lightning_cgan.console import info
from lightning_cgan.errors import UserError
from lightning_cgan.interfaces import DataFacts, data_facts
from lightning_cgan.metrics.modes import located, mode_errors, mode_scores, relation_errors, relation_scores

NOT_FINITE = "Generated points hold NaN or infinity; they count as near no mode."

Mixtures = tuple[Mixture, Mixture]
Known = TypeVar("Known", Mixture, Mixtures)


def mixture_of(trainer: Trainer) -> Mixture:
    """The known distribution of the data."""
    purpose = "Modes are counted in data of a known mixture of Gaussians"
    return known(trainer, lambda facts: facts.mixture, purpose, "datamodules.Ring or datamodules.Grid")


def mixtures_of(trainer: Trainer) -> Mixtures:
    """The known distributions of the two domains."""
    purpose = "Relations of modes are scored on two known mixtures of Gaussians"
    return known(trainer, lambda facts: facts.mixtures, purpose, "datamodules.GaussianPairs")


def known(trainer: Trainer, distribution: Callable[[DataFacts], Known | None], purpose: str, suitable: str) -> Known:
    """A known distribution of the data of ``trainer``.

    Args:
        distribution: reads it from the data's facts; None: unknown.
        purpose: start of the message, what the distribution is for.
        suitable: names of data sets with one.

    Raises:
        UserError: for data without one.
    """
    data = trainer.datamodule  # type: ignore[attr-defined]
    if (found := distribution(data_facts(data))) is None:
        raise UserError(
            f"{purpose}; {type(data).__name__} has none. "
            f"Set data to {suitable}, or leave out the callbacks for mixtures."
        )
    return found


class ModeScores(ScoreCallback):
    """Logs the scores of :func:`lightning_cgan.metrics.modes.mode_scores`, as ``val/modes`` or ``test/modes``, ...
    The data module has a ``mixture``.
    """

    def start(self) -> None:
        self.points = PerImage(self.evaluation)

    def update(self, outputs: EvalOutput) -> None:
        unknown = torch.full((len(outputs.fake),), -1)
        self.points.add(fake=outputs.fake, label=unknown if outputs.fake_label is None else outputs.fake_label)

    def compute(self) -> ScoreReport:
        mixture = mixture_of(self.evaluation.trainer)
        fake, label = self.points.gather().values()
        point = located(fake, mixture.extent)
        notes = [] if bool(point.isfinite().all()) else [NOT_FINITE]
        asked = label if bool((label >= 0).all()) else None
        scores, errors = mode_scores(point, mixture, asked), mode_errors(point, mixture, asked)
        return ScoreReport(scores, errors, reals=0, fakes=len(point), card={"modes": len(mixture.centre)}, notes=notes)


class Scatter(SampleGrid):
    """After each evaluation, the generated points over circles of three standard deviations around the modes."""

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        super().on_validation_start(trainer, module)
        self.points: list[Tensor] = []

    def on_validation_batch_end(self, trainer: Trainer, module: LightningModule, outputs: EvalOutput, *_: Any) -> None:
        extra = [outputs.fake_label[:, None]] if outputs.fake_label is not None else []
        located_at = located(outputs.fake, mixture_of(trainer).extent)
        self.points.append(torch.cat([located_at, *extra], 1).cpu())

    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        log_scatter(trainer, lambda path: scatter(torch.cat(self.points), mixture_of(trainer), path))

    on_test_start, on_test_batch_end, on_test_end = on_validation_start, on_validation_batch_end, on_validation_end


def log_scatter(trainer: Trainer, draw: Callable[[Path], Tensor]) -> None:
    """Write and log the picture of an evaluation, in the first process and not in the sanity check.

    Args:
        draw: writes the picture to a path and returns it as uint8 (3, H, W).
    """
    if trainer.sanity_checking or not trainer.is_global_zero:
        return
    path = Path(trainer.default_root_dir) / "samples" / f"{picture_name(trainer)}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = draw(path)
    for logger in trainer.loggers:
        show(logger, "samples", path, picture, trainer.global_step)


def scatter(points: Tensor, mixture: Mixture, path: Path) -> Tensor:
    """Draws (N, 2) points, or (N, 3) with a label each, to ``path``; the picture as uint8 (3, H, W)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5))
    figure.subplots_adjust(left=0.08, right=0.98, bottom=0.06, top=0.98)
    axes = figure.add_subplot(aspect="equal")
    axes.set(xlim=(-mixture.extent, mixture.extent), ylim=(-mixture.extent, mixture.extent))
    coloured = {"c": points[:, 2], "cmap": "tab10"} if points.shape[1] > 2 else {}
    axes.scatter(points[:, 0], points[:, 1], s=2, **coloured)
    add_modes(axes, mixture)
    return saved(figure, path)


def add_modes(axes: Any, mixture: Mixture) -> None:
    """Draw a circle of three standard deviations around each mode."""
    from matplotlib.patches import Circle

    for centre in mixture.centre.tolist():
        axes.add_patch(Circle(centre, 3 * mixture.std, fill=False, linewidth=0.5))


def saved(figure: Any, path: Path) -> Tensor:
    """Save a figure to ``path``; the picture as uint8 (3, H, W)."""
    figure.savefig(path, dpi=80)
    return read_image(str(path), ImageReadMode.RGB)


class PointPredictions(Predictions):
    """Writes generated points: ``predictions/points_<process>.csv``, lines of x, y and the requested class or -1."""

    def rows(self, trainer: Trainer, outputs: EvalOutput) -> list[list[float]]:
        """The values of each line."""
        point = located(outputs.fake, mixture_of(trainer).extent).tolist()
        label = outputs.fake_label.tolist() if outputs.fake_label is not None else [-1] * len(point)
        return [[*place, row] for place, row in zip(point, label, strict=True)]

    def on_predict_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: EvalOutput, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        folder = Path(trainer.default_root_dir) / "predictions"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"points_{trainer.global_rank}.csv").open("a") as file:
            for row in self.rows(trainer, outputs):
                file.write(",".join(str(value) if isinstance(value, int) else f"{value:.6f}" for value in row) + "\n")

    def on_predict_end(self, trainer: Trainer, module: LightningModule) -> None:
        info(f"points in {Path(trainer.default_root_dir) / 'predictions'}")


def directions(outputs: EvalOutput) -> dict[str, EvalOutput]:
    """The outputs by the prefix of their scores: "", and "back_" of the reverse direction where there is one."""
    return {"": outputs} | ({"back_": outputs.reverse} if outputs.reverse is not None else {})


class RelationScores(ScoreCallback):
    """Logs the scores of :func:`lightning_cgan.metrics.modes.relation_scores`, as ``val/distinct_modes`` or
    ``test/distinct_modes``, ...; with ``back_`` before the name those of the reverse direction, where a paper learns
    it. The data module has two ``mixtures``.
    """

    def start(self) -> None:
        self.points: dict[str, PerImage] = {}  # before and after, of each direction

    def update(self, outputs: EvalOutput) -> None:
        for prefix, way in directions(outputs).items():
            points = self.points.setdefault(prefix, PerImage(self.evaluation))
            points.add(source=way.source.flatten(1), fake=way.fake.flatten(1))

    def compute(self) -> ScoreReport:
        scores: dict[str, float] = {}
        errors: dict[str, float] = {}
        notes, counts = [], []
        mixtures = mixtures_of(self.evaluation.trainer)
        for prefix, points in self.points.items():
            source, fake = (part.cpu() for part in points.gather().values())
            start, end = mixtures[:: -1 if prefix else 1]
            if not bool(fake.isfinite().all()):
                notes.append(NOT_FINITE)
            scores |= {prefix + name: value for name, value in relation_scores(source, fake, (start, end)).items()}
            errors |= {prefix + name: value for name, value in relation_errors(source, fake, (start, end)).items()}
            counts.append(len(fake))
        modes = [len(mixture.centre) for mixture in mixtures]
        return ScoreReport(scores, errors, reals=0, fakes=counts[0], card={"modes": modes}, notes=notes)


class RelationScatter(SampleGrid):
    """After each evaluation, a picture of where the points of each mode went: ``samples/000250.png`` and so on.

    Circles are three standard deviations around the modes of the target. A second panel shows the way back.

    Args:
        points: drawn in each panel, at most.
    """

    def __init__(self, points: int = 2_000) -> None:
        super().__init__()
        self.shown = points

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        super().on_validation_start(trainer, module)
        self.points: dict[str, list[Tensor]] = {}

    def on_validation_batch_end(self, trainer: Trainer, module: LightningModule, outputs: EvalOutput, *_: Any) -> None:
        for prefix, way in directions(outputs).items():
            points = torch.cat([way.source.flatten(1), way.fake.flatten(1)], 1)
            self.points.setdefault(prefix, []).append(points)

    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        def draw(path: Path) -> Tensor:
            points = {prefix: torch.cat(parts)[: self.shown].cpu() for prefix, parts in self.points.items()}
            return scatter_relation(points, mixtures_of(trainer), path)

        log_scatter(trainer, draw)

    on_test_start, on_test_batch_end, on_test_end = on_validation_start, on_validation_batch_end, on_validation_end


def scatter_relation(rows: dict[str, Tensor], mixtures: Mixtures, path: Path) -> Tensor:
    """Draws points (N, 4), before and after, to ``path``, a panel a direction; the picture as uint8 (3, H, W)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4 * len(rows), 4), layout="constrained")
    for place, (prefix, walked) in enumerate(rows.items()):
        start, end = mixtures[:: -1 if prefix else 1]
        title = f"{len(start.centre)} modes to {len(end.centre)}"
        axes = figure.add_subplot(1, len(rows), place + 1, aspect="equal", title=title)
        axes.set(xlim=(-end.extent, end.extent), ylim=(-end.extent, end.extent))
        mode = torch.cdist(walked[:, :2], start.centre).argmin(1)
        colours = {"c": mode, "cmap": "tab10", "vmin": 0, "vmax": 9}
        axes.scatter(walked[:, 0], walked[:, 1], s=1, alpha=0.3, **colours)
        axes.scatter(walked[:, 2], walked[:, 3], s=3, **colours)
        add_modes(axes, end)
    return saved(figure, path)


class RelationPredictions(PointPredictions):
    """Writes translated points: ``predictions/points_<process>.csv``, lines of x, y before and after."""

    def rows(self, trainer: Trainer, outputs: EvalOutput) -> list[list[float]]:
        return torch.cat([outputs.source.flatten(1), outputs.fake.flatten(1)], 1).tolist()
