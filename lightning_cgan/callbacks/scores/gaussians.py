"""What there is to see and to score where the data are points of a known mixture."""

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torchmetrics.utilities.distributed import gather_all_tensors
from torchvision.io import ImageReadMode, read_image

from lightning_cgan.batches import EvalOutput, Mixture
from lightning_cgan.callbacks.pictures import Predictions, SampleGrid, picture_name, show
from lightning_cgan.callbacks.scores.card import card
from lightning_cgan.console import info
from lightning_cgan.errors import UserError
from lightning_cgan.interfaces import data_facts
from lightning_cgan.metrics.modes import located, mode_errors, mode_scores, relation_errors, relation_scores
from lightning_cgan.runs.metrics_json import report

Mixtures = tuple[Mixture, Mixture]


def mixture_of(trainer: Trainer) -> Mixture:
    """The known distribution of the data.

    Raises:
        UserError: for data without one.
    """
    data = trainer.datamodule  # type: ignore[attr-defined]
    if (mixture := data_facts(data).mixture) is None:
        raise UserError(
            f"Modes are counted in data of a known mixture of Gaussians; {type(data).__name__} has none. "
            "Set data to datamodules.Ring or datamodules.Grid, or leave out the callbacks for mixtures."
        )
    return mixture


def mixtures_of(trainer: Trainer) -> Mixtures:
    """The known distributions of the two domains.

    Raises:
        UserError: for data without them.
    """
    data = trainer.datamodule  # type: ignore[attr-defined]
    if (mixtures := data_facts(data).mixtures) is None:
        raise UserError(
            f"Relations of modes are scored on two known mixtures of Gaussians; {type(data).__name__} has none. "
            "Set data to datamodules.GaussianPairs, or leave out the callbacks for mixtures."
        )
    return mixtures


class ModeScores(Callback):
    """Logs the scores of :func:`lightning_cgan.metrics.modes.mode_scores` as ``val/modes`` and so on, and their twins
    ``test/…``; they go to ``metrics.json`` too.
    """

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.fakes: list[Tensor] = []
        self.labels: list[Tensor] = []
        self.at: list[Tensor] = []  # the batch of each, counted over all processes

    def on_validation_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: EvalOutput, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        points = len(outputs.fake)
        self.fakes.append(outputs.fake)
        self.labels.append(outputs.fake_label if outputs.fake_label is not None else torch.full((points,), -1))
        self.at.append(torch.full((points,), batch_idx * trainer.world_size + trainer.global_rank))

    def on_validation_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        if not trainer.sanity_checking:
            self.finish(trainer, module, "val")

    on_test_start, on_test_batch_end = on_validation_start, on_validation_batch_end

    def on_test_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        self.finish(trainer, module, "test")

    def finish(self, trainer: Trainer, module: LightningModule, split: str) -> None:
        mixture = mixture_of(trainer)
        parts = [torch.cat(rows).to(module.device) for rows in (self.fakes, self.labels, self.at)]
        if trainer.world_size > 1:
            parts = [torch.cat(gather_all_tensors(part.contiguous())) for part in parts]
        order = parts[2].argsort(stable=True)  # that of one process
        point, label = located(parts[0], mixture.extent)[order], parts[1][order]
        notes = (
            [] if bool(point.isfinite().all()) else ["Generated points hold NaN or infinity; they are near no mode."]
        )
        asked = label if bool((label >= 0).all()) else None
        scores = mode_scores(point, mixture, asked)
        errors = mode_errors(point, mixture, asked)
        written = card(trainer, module, split, reals=0, fakes=len(point)) | {"modes": len(mixture.centre)}
        report(trainer, module, split, scores, errors, written, notes=notes)


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
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        path = Path(trainer.default_root_dir) / "samples" / f"{picture_name(trainer)}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = scatter(torch.cat(self.points), mixture_of(trainer), path)
        for logger in trainer.loggers:
            show(logger, "samples", path, picture, trainer.global_step)

    on_test_start, on_test_batch_end, on_test_end = on_validation_start, on_validation_batch_end, on_validation_end


def scatter(points: Tensor, mixture: Mixture, path: Path) -> Tensor:
    """Draws (N, 2) points, or (N, 3) with a label each, to ``path``; the picture as uint8 (3, H, W)."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Circle

    figure = Figure(figsize=(5, 5))
    figure.subplots_adjust(left=0.08, right=0.98, bottom=0.06, top=0.98)
    axes = figure.add_subplot(aspect="equal")
    axes.set(xlim=(-mixture.extent, mixture.extent), ylim=(-mixture.extent, mixture.extent))
    coloured = {"c": points[:, 2], "cmap": "tab10"} if points.shape[1] > 2 else {}
    axes.scatter(points[:, 0], points[:, 1], s=2, **coloured)
    for centre in mixture.centre.tolist():
        axes.add_patch(Circle(centre, 3 * mixture.std, fill=False, linewidth=0.5))
    figure.savefig(path, dpi=80)
    return read_image(str(path), ImageReadMode.RGB)


class PointPredictions(Predictions):
    """Writes what ``predict`` draws: ``predictions/points_<process>.csv``, lines of x, y and the class asked or -1."""

    def on_predict_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: EvalOutput, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        folder = Path(trainer.default_root_dir) / "predictions"
        folder.mkdir(parents=True, exist_ok=True)
        point = located(outputs.fake, mixture_of(trainer).extent).tolist()
        label = outputs.fake_label.tolist() if outputs.fake_label is not None else [-1] * len(point)
        with (folder / f"points_{trainer.global_rank}.csv").open("a") as file:
            file.writelines(f"{x:.6f},{y:.6f},{row}\n" for (x, y), row in zip(point, label, strict=True))

    def on_predict_end(self, trainer: Trainer, module: LightningModule) -> None:
        info(f"points in {Path(trainer.default_root_dir) / 'predictions'}")


class Walks:
    """Where the points of an evaluation came from and went to, in each direction."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Tensor]] = {}

    def add(self, number: int, outputs: EvalOutput) -> None:
        """Take in batch ``number``, counted over all processes."""
        for prefix, way in {"": outputs, "back_": outputs.reverse}.items():
            if way is not None:
                at = torch.full((len(way.fake), 1), float(number), device=way.fake.device)
                row = torch.cat([at, way.source.flatten(1), way.fake.flatten(1)], 1)
                self.rows.setdefault(prefix, []).append(row)

    def gather(self, trainer: Trainer) -> dict[str, tuple[Tensor, Tensor]]:
        """By direction, "" and "back_", the points (N, 2) before and after, in the order of one process."""
        walks = {}
        for prefix, parts in self.rows.items():
            rows = torch.cat(parts)
            rows = torch.cat(gather_all_tensors(rows)) if trainer.world_size > 1 else rows
            rows = rows[rows[:, 0].argsort(stable=True)].cpu()
            walks[prefix] = rows[:, 1:3], rows[:, 3:]
        return walks


class RelationScores(Callback):
    """Logs the scores of :func:`lightning_cgan.metrics.modes.relation_scores` as ``val/distinct_modes`` and so on, of
    the way back as ``val/back_distinct_modes`` where a paper learns it, and their twins ``test/…``; they go to
    ``metrics.json`` too. The data module answers ``mixtures``.
    """

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.walks = Walks()

    def on_validation_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: EvalOutput, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        self.walks.add(batch_idx * trainer.world_size + trainer.global_rank, outputs)

    def on_validation_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        if not trainer.sanity_checking:
            self.finish(trainer, module, "val")

    on_test_start, on_test_batch_end = on_validation_start, on_validation_batch_end

    def on_test_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        self.finish(trainer, module, "test")

    def finish(self, trainer: Trainer, module: LightningModule, split: str) -> None:
        scores: dict[str, float] = {}
        errors: dict[str, float] = {}
        notes = []
        walks = self.walks.gather(trainer)
        for prefix, (source, fake) in walks.items():
            a, b = mixtures_of(trainer)
            mixtures = (b, a) if prefix else (a, b)
            if not bool(fake.isfinite().all()):
                notes.append("Generated points hold NaN or infinity; they are near no mode.")
            scores |= {prefix + name: value for name, value in relation_scores(source, fake, mixtures).items()}
            errors |= {prefix + name: value for name, value in relation_errors(source, fake, mixtures).items()}
        written = card(trainer, module, split, reals=0, fakes=len(walks[""][0]))
        written |= {"modes": [len(mixture.centre) for mixture in mixtures_of(trainer)]}
        report(trainer, module, split, scores, errors, written, notes=notes)


class RelationScatter(SampleGrid):
    """After each evaluation, a picture of where the points of each mode went: ``samples/000250.png`` and so on.

    Circles are three standard deviations around the modes of the target. A second panel shows the way back.

    Args:
        points: drawn in each panel, at most.
    """

    def __init__(self, points: int = 2_000) -> None:
        super().__init__()
        self.most = points

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        super().on_validation_start(trainer, module)
        self.walks = Walks()

    def on_validation_batch_end(self, trainer: Trainer, module: LightningModule, outputs: EvalOutput, *_: Any) -> None:
        self.walks.add(0, outputs)

    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        path = Path(trainer.default_root_dir) / "samples" / f"{picture_name(trainer)}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = {prefix: torch.cat(parts)[: self.most, 1:].cpu() for prefix, parts in self.walks.rows.items()}
        picture = scatter_relation(rows, mixtures_of(trainer), path)
        for logger in trainer.loggers:
            show(logger, "samples", path, picture, trainer.global_step)

    on_test_start, on_test_batch_end, on_test_end = on_validation_start, on_validation_batch_end, on_validation_end


def scatter_relation(rows: dict[str, Tensor], mixtures: Mixtures, path: Path) -> Tensor:
    """Draws points (N, 4), before and after, to ``path``, a panel a direction; the picture as uint8 (3, H, W)."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Circle

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
        for centre in end.centre.tolist():
            axes.add_patch(Circle(centre, 3 * end.std, fill=False, linewidth=0.5))
    figure.savefig(path, dpi=80)
    return read_image(str(path), ImageReadMode.RGB)


class RelationPredictions(Predictions):
    """Writes what ``predict`` translates: ``predictions/points_<process>.csv``, lines of x, y before and after."""

    def on_predict_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: EvalOutput, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        folder = Path(trainer.default_root_dir) / "predictions"
        folder.mkdir(parents=True, exist_ok=True)
        walked = torch.cat([outputs.source.flatten(1), outputs.fake.flatten(1)], 1).tolist()
        with (folder / f"points_{trainer.global_rank}.csv").open("a") as file:
            file.writelines(",".join(f"{value:.6f}" for value in row) + "\n" for row in walked)

    def on_predict_end(self, trainer: Trainer, module: LightningModule) -> None:
        info(f"points in {Path(trainer.default_root_dir) / 'predictions'}")
