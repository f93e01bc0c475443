"""What there is to see and to score where the data are points of a known mixture."""

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torchmetrics.utilities.distributed import gather_all_tensors
from torchvision.io import ImageReadMode, read_image

from lightning_cgan.callbacks.card import card
from lightning_cgan.callbacks.pictures import Predictions, SampleGrid, picture_name, show
from lightning_cgan.callbacks.results import report
from lightning_cgan.console import say
from lightning_cgan.contract import Evaluated, Mixture
from lightning_cgan.metrics.modes import located, mode_errors, mode_scores


class ModeScores(Callback):
    """Logs the scores of :func:`lightning_cgan.metrics.modes.mode_scores` as ``val/modes`` and so on, and their twins
    ``test/…``; they go to ``metrics.json`` too.
    """

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.fakes: list[Tensor] = []
        self.labels: list[Tensor] = []
        self.at: list[Tensor] = []  # the batch of each, counted over all processes

    def on_validation_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Evaluated, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        points = len(outputs.fake)
        self.fakes.append(outputs.fake)
        self.labels.append(outputs.label if outputs.label is not None else torch.full((points,), -1))
        self.at.append(torch.full((points,), batch_idx * trainer.world_size + trainer.global_rank))

    def on_validation_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        if not trainer.sanity_checking:
            self.finish(trainer, module, "val")

    on_test_start, on_test_batch_end = on_validation_start, on_validation_batch_end

    def on_test_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        self.finish(trainer, module, "test")

    def finish(self, trainer: Trainer, module: LightningModule, split: str) -> None:
        mixture = trainer.datamodule.mixture
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

    def on_validation_batch_end(self, trainer: Trainer, module: LightningModule, outputs: Evaluated, *_: Any) -> None:
        extra = [outputs.label[:, None]] if outputs.label is not None else []
        located_at = located(outputs.fake, trainer.datamodule.mixture.extent)
        self.points.append(torch.cat([located_at, *extra], 1).cpu())

    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        path = Path(trainer.default_root_dir) / "samples" / f"{picture_name(trainer)}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = scatter(torch.cat(self.points), trainer.datamodule.mixture, path)
        for logger in trainer.loggers:
            show(logger, "samples", path, picture, trainer.global_step)

    on_test_start, on_test_batch_end, on_test_end = on_validation_start, on_validation_batch_end, on_validation_end


def scatter(points: Tensor, mixture: Mixture, path: Path) -> Tensor:
    """Draws (N, 2) points, or (N, 3) with a label each, to ``path``; the picture as uint8 (3, H, W)."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Circle

    figure = Figure(figsize=(5, 5), layout="constrained")
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
        self, trainer: Trainer, module: LightningModule, outputs: Evaluated, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        folder = Path(trainer.default_root_dir) / "predictions"
        folder.mkdir(parents=True, exist_ok=True)
        point = located(outputs.fake, trainer.datamodule.mixture.extent).tolist()
        label = outputs.label.tolist() if outputs.label is not None else [-1] * len(point)
        with (folder / f"points_{trainer.global_rank}.csv").open("a") as file:
            file.writelines(f"{x:.6f},{y:.6f},{row}\n" for (x, y), row in zip(point, label, strict=True))

    def on_predict_end(self, trainer: Trainer, module: LightningModule) -> None:
        say(f"points in {Path(trainer.default_root_dir) / 'predictions'}")
