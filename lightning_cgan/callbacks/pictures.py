"""Callbacks that write sample grids, curves and predictions."""

import csv
import io
import re
import shutil
from collections import Counter
from collections.abc import Sequence
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import Logger
from torch import Tensor
from torchvision.io import encode_png
from torchvision.transforms.functional import center_crop
from torchvision.utils import make_grid

from lightning_cgan.batches import ClassPrediction, EvalOutput, LatentBatch, SourceImages, to_bytes
from lightning_cgan.console import info
from lightning_cgan.interfaces import data_facts
from lightning_cgan.runs.csv_rows import read_rows
from lightning_cgan.runs.files import replacing, tolerated
from lightning_cgan.runs.metrics_json import entry_of

SHOWN = 10  # rows, and images in a row, of the grid of predictions
GAP = 12  # pixels between generated images and their neighbours
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(nan|inf)")  # in a cell of the log
LONGEST_NAME = 200  # bytes
ENLARGED = 48  # pixels, at least, of each image in a grid


def save_png(image: Tensor, path: Path) -> Path:
    """Write uint8 (C, H, W) with 1 or 3 channels as a PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_png(image.cpu()).numpy().tobytes())
    return path


def grid(image: Tensor, columns: int) -> Tensor:
    """(K, C, H, W) in [-1, 1] as one uint8 (3, H', W') picture, row by row; small images are enlarged."""
    return tiled(to_bytes(image), columns)


def tiled(image: Tensor, columns: int) -> Tensor:
    """:func:`grid` of images that are uint8 already."""
    scale = max(1, ENLARGED // image.shape[-1])
    enlarged = image.repeat_interleave(scale, -1).repeat_interleave(scale, -2)
    return make_grid(enlarged, nrow=columns, pad_value=255)


def neighbour_grid(fake: Tensor, nearest: Tensor, distance: Tensor, rows: int = SHOWN) -> Tensor:
    """Generated images beside their nearest training images, the most similar pairs at the top.

    Args:
        fake: (K, C, H, W) uint8, generated; C is 1 or 3.
        nearest: (K, n, C, H, W) uint8, the training images nearest to each, the nearest first.
        distance: (K,) to the nearest.
        rows: the number of images shown, at most: those of the least distance.

    Returns:
        One uint8 (3, H', W') picture: a column of generated images, a gap, and n columns of training images.
    """
    order = distance.argsort(stable=True)[:rows]
    left = tiled(fake[order], columns=1)
    right = tiled(nearest[order].flatten(0, 1), columns=nearest.shape[1])
    gap = torch.full_like(left[..., :GAP], 255)
    return torch.cat([left, gap, right], -1)


def fitted(image: Tensor, like: Tensor) -> Tensor:
    """(C, h, w) as a colour image (3, H, W) of the size of ``like``: pixels of low resolutions are repeated, other
    images are cropped or padded around their centres."""
    times = max(like.shape[-1] // image.shape[-1], 1)
    enlarged = image.repeat_interleave(times, -1).repeat_interleave(times, -2)
    return center_crop(enlarged, list(like.shape[-2:])).expand(3, -1, -1)


def by_class(cells: dict[int, list[Tensor]]) -> Tensor:
    """Images by class as one picture with a row each; gaps are black. All take the size of the first image."""
    rows = [cell for _, cell in sorted(cells.items()) if cell]
    if len({image.shape for row in rows for image in row}) > 1:
        rows = [[fitted(image, rows[0][0]) for image in row] for row in rows]
    columns = max(map(len, rows))
    blank = torch.full_like(rows[0][0], -1)
    image = [cell[place] if place < len(cell) else blank for cell in rows for place in range(columns)]
    return grid(torch.stack(image), columns)


def show(logger: Logger, key: str, path: Path, picture: Tensor, step: int) -> None:
    """Log a picture to a logger that supports it: W&B, TensorBoard and loggers with the same methods."""
    if hasattr(logger, "log_image"):  # Lightning declares no common method for pictures
        logger.log_image(key, [str(path)])
    elif hasattr(logger.experiment, "add_image"):
        logger.experiment.add_image(key, picture, step)


def picture_name(trainer: Trainer) -> str:
    """File name of a picture of the running evaluation: the update while training, else "validate", "test", ..."""
    if trainer.state.fn == "fit":
        return f"{trainer.global_step:06d}"
    return entry_of(trainer, "test") if trainer.state.fn == "test" else entry_of(trainer, str(trainer.state.fn.value))


class SampleGrid(Callback):
    """Writes a grid with one row per class after each evaluation: ``samples/000250.png`` in the run folder.

    The noise of an evaluation is keyed, so each position shows the same noise throughout the run.

    Args:
        columns: images of each class.
        rows: classes shown, at most.
    """

    def __init__(self, columns: int = 10, rows: int = 10) -> None:
        self.columns, self.rows = columns, rows

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.cells: dict[int, list[Tensor]] = {}

    def on_validation_batch_end(self, trainer: Trainer, module: LightningModule, outputs: EvalOutput, *_: Any) -> None:
        if not trainer.is_global_zero or not isinstance(outputs, EvalOutput):
            return
        label = outputs.fake_label if outputs.fake_label is not None else torch.arange(len(outputs.fake)) % self.rows
        for image, row in zip(outputs.fake, label.tolist(), strict=True):
            cell = self.cells.setdefault(row, [])
            if row < self.rows and len(cell) < self.columns:
                cell.append(image)

    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        if trainer.sanity_checking or not any(self.cells.values()):
            return
        picture = by_class(self.cells)
        step = trainer.global_step
        path = Path(trainer.default_root_dir) / "samples" / f"{picture_name(trainer)}.png"
        with tolerated(str(path)):
            save_png(picture, path)
            for logger in trainer.loggers:
                show(logger, "samples", path, picture, step)

    on_test_start, on_test_batch_end, on_test_end = on_validation_start, on_validation_batch_end, on_validation_end


class Curves(Callback):
    """Plots losses and scores against generator updates at the end of ``fit``: ``curves.png`` in the run folder."""

    def on_fit_end(self, trainer: Trainer, module: LightningModule) -> None:
        log = Path(trainer.default_root_dir) / "metrics.csv"
        if trainer.is_global_zero and log.is_file():
            for logger in trainer.loggers:
                logger.save()
            with tolerated("curves.png"):
                draw_curves(log, log.with_name("curves.png"))


def draw_curves(log: Path, path: Path) -> None:
    """Draw one panel for the training losses and one for each validation score in ``log``."""
    from matplotlib.figure import Figure

    keys, rows = read_rows(log)
    losses = [key for key in keys if key.startswith("train/")]
    panels = [losses] * bool(losses) + [[key] for key in keys if key.startswith("val/") and not key.endswith("_std")]
    if not panels:
        return
    figure = Figure(figsize=(4 * len(panels), 3))  # with a constrained layout it would take twice as long
    inch = 1 / (4 * len(panels))
    figure.subplots_adjust(left=0.6 * inch, right=1 - 0.1 * inch, bottom=0.17, top=0.96, wspace=0.2)
    for place, panel in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), place + 1, xlabel="generator updates")
        for key in panel:
            points = [(int(row["step"]) + 1, float(row[key])) for row in rows if NUMBER.fullmatch(row[key])]
            if points:
                axes.plot(*zip(*points, strict=True), label=key, marker="." if len(points) < 50 else None)
        axes.legend()
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=100)
    with replacing(path) as file:
        file.write(drawn.getvalue())


def requests_classes(batch: Any) -> bool:
    """Whether images of single classes are requested, not morphs between classes."""
    return isinstance(batch, LatentBatch) and not batch.label.is_floating_point()


def file_name(names: Sequence[str], number: int) -> str:
    """The file name of a class: its name, or its number where it has none or the name is too long."""
    name = names[number] if names else f"{number:03d}"
    return name if len(name.encode(errors="surrogateescape")) <= LONGEST_NAME else f"{name[:40]}_{number:03d}"


class Predictions(Callback):
    """Writes the images of ``predict``: ``predictions/<class>_<number>.png``, and the first of them as ``grid.png``.

    Classes have their names where the data have names, else numbers. Translations have the names of their sources.
    """

    def on_predict_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.cells: dict[int, list[Tensor]] = {}
        self.drawn: Counter[int] = Counter()
        if trainer.is_global_zero:  # remove images of other checkpoints
            shutil.rmtree(Path(trainer.default_root_dir) / "predictions", ignore_errors=True)
        trainer.strategy.barrier()

    def on_predict_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: EvalOutput, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        if not isinstance(outputs, EvalOutput):  # a classifier generates nothing
            return
        folder = Path(trainer.default_root_dir) / "predictions"
        if isinstance(batch, SourceImages):
            self.write_translations(folder, outputs, batch.name)
            return
        label = (
            outputs.fake_label if outputs.fake_label is not None else torch.zeros(len(outputs.fake), dtype=torch.int64)
        )
        named = requests_classes(batch) and outputs.fake_label is not None
        names = data_facts(trainer.datamodule).class_names if named else ()
        for image, row in zip(outputs.fake, label.tolist(), strict=True):
            number = self.drawn[row] * trainer.world_size + trainer.global_rank  # unique over the processes
            self.drawn[row] += 1
            save_png(to_bytes(image), folder / f"{file_name(names, row)}_{number:04d}.png")
            cell = self.cells.setdefault(row, [])
            if len(cell) < SHOWN and len(self.cells) <= SHOWN:
                cell.append(image.cpu())

    def write_translations(self, folder: Path, outputs: EvalOutput, names: list[str]) -> None:
        """Write translations; the grid has the sources in its first row and the translations in its second."""
        for name, *pair in zip(names, outputs.source, outputs.fake, strict=True):
            self.drawn[0] += 1
            save_png(to_bytes(pair[1]), folder / f"{name}.png")
            for row, image in enumerate(pair):
                cell = self.cells.setdefault(row, [])
                if len(cell) < SHOWN:
                    cell.append(fitted(image, (cell or self.cells.get(1) or [pair[1]])[0]).cpu())

    def on_predict_end(self, trainer: Trainer, module: LightningModule) -> None:
        if trainer.is_global_zero and self.cells:
            folder = Path(trainer.default_root_dir) / "predictions"
            taken = (folder / "grid.png").exists()  # a user's image may have this name
            path = save_png(by_class(self.cells), folder / ("grid of all.png" if taken else "grid.png"))
            info(f"{trainer.world_size * sum(self.drawn.values())} images beside {path}")


class TranslationGrid(SampleGrid):
    """Writes a picture with a column for each of the first images after each evaluation: ``samples/000250.png``, ...

    Its rows are source, generated, target and, for papers with a cycle, the reconstruction; below them the same rows of
    the reverse direction, where a paper learns both. Unpaired data have no row of targets. Images of other sizes than
    the first are cropped or padded around their centres.

    Args:
        columns: images in a row.
    """

    def __init__(self, columns: int = 8) -> None:
        super().__init__(columns)

    def on_validation_batch_end(self, trainer: Trainer, module: LightningModule, outputs: EvalOutput, *_: Any) -> None:
        if not trainer.is_global_zero or not isinstance(outputs, EvalOutput) or not len(outputs.fake):
            return
        paired = data_facts(trainer.datamodule).evaluates_pairs
        directions = [outputs, outputs.reverse] if outputs.reverse else [outputs]
        for row, images in enumerate(part for one in directions for part in rows(one, paired)):
            cell = self.cells.setdefault(row, [])
            for image in images[: self.columns - len(cell)]:
                like = self.cells[0][0] if self.cells[0] else outputs.fake[0]
                cell.append(fitted(image, like).cpu())

    on_test_batch_end = on_validation_batch_end


def rows(outputs: EvalOutput, paired: bool) -> list[Tensor]:
    """The rows of one direction, from the top."""
    shown = [outputs.source, outputs.fake, outputs.real if paired else None, outputs.reconstruction]
    return [images for images in shown if images is not None]


class Row(NamedTuple):
    """A line of ``predictions.csv``."""

    image: str
    label: int
    probability: float


class WritePredictions(Callback):
    """Writes the classifications of ``predict`` to ``predictions.csv``: number or file of an image, class, probability.

    Classes have their names where the data have names, else numbers. Generated images are written by
    :class:`~lightning_cgan.callbacks.Predictions`.
    """

    def on_predict_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.batches: list[list[Row]] = []

    def on_predict_batch_end(self, trainer: Trainer, module: LightningModule, outputs: Any, *_: Any) -> None:
        if isinstance(outputs, ClassPrediction):
            rows = zip(outputs.name, outputs.label.tolist(), outputs.probability.tolist(), strict=True)
            self.batches.append([Row(*row) for row in rows])

    def on_predict_end(self, trainer: Trainer, module: LightningModule) -> None:
        shards = [self.batches]
        if trainer.world_size > 1:
            shards = [[] for _ in range(trainer.world_size)]
            torch.distributed.all_gather_object(shards, self.batches)
        in_order = chain.from_iterable(zip_longest(*shards, fillvalue=[]))  # batch k of process r is k * world + r
        rows = list(chain.from_iterable(in_order))
        if trainer.is_global_zero and rows:
            path, names = Path(trainer.default_root_dir, "predictions.csv"), data_facts(trainer.datamodule).class_names
            with path.open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(["image", "class", "probability"])
                writer.writerows(
                    (row.image, names[row.label] if names else row.label, f"{row.probability:.6f}") for row in rows
                )
            info(f"the classes of {len(rows)} images in {path}")
