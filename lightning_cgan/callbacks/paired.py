"""Scores and pictures of super-resolution, where each generated image has one real image that it should equal."""

from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torchmetrics.aggregation import MeanMetric

from lightning_cgan.callbacks.pictures import SampleGrid
from lightning_cgan.callbacks.scores import Scores
from lightning_cgan.contract import Evaluated
from lightning_cgan.metrics.extractors import Extractor
from lightning_cgan.metrics.paired import bicubic, similarity
from lightning_cgan.metrics.scores import Gathered, Pass, all_scores


class PairedScores(Scores):
    """What ``Scores`` logs, and ``psnr``, ``ssim`` and ``ms_ssim`` between each generated and its real image.

    In ``test`` every score is also given for bicubic interpolation, as ``test/bicubic_psnr`` and so on.

    Args:
        extractor: the network whose features and logits are scored.
        scale: the size of the images over that of the low resolution.
    """

    def __init__(self, extractor: Extractor, scale: int = 4) -> None:
        super().__init__(extractor)
        self.scale = scale

    def begin(self, module: LightningModule) -> None:
        super().begin(module)
        self.interpolated = Pass(self.extractor)
        self.means: dict[str, MeanMetric] = {}

    def take(self, trainer: Trainer, number: int, outputs: Evaluated) -> None:
        super().take(trainer, number, outputs)
        self.compare(outputs, "")
        if trainer.state.fn == "test":
            baseline = outputs._replace(fake=bicubic(outputs.source, self.scale))
            self.interpolated.add(number, baseline)
            self.compare(baseline, "bicubic_")

    def compare(self, outputs: Evaluated, prefix: str) -> None:
        weight = float(len(outputs.real) > 0)  # an empty batch adds nothing, and has the same scores
        blank = torch.zeros(1, *outputs.real.shape[1:], device=outputs.real.device)
        fake, real = (image if weight else blank for image in (outputs.fake, outputs.real))
        for name, values in similarity(fake, real).items():
            self.means.setdefault(prefix + name, MeanMetric().to(values.device)).update(values, weight)

    def compute(self, trainer: Trainer, module: LightningModule, seen: Gathered) -> dict[str, float]:
        scores = super().compute(trainer, module, seen) | {name: m.compute().item() for name, m in self.means.items()}
        if trainer.state.fn != "test":
            return scores
        baseline = self.interpolated.gather(module.device, trainer.world_size)
        named = all_scores(baseline, self.extractor.knows_labels, errors=False).value
        return scores | {f"bicubic_{name}": value for name, value in named.items()}


class PairGrid(SampleGrid):
    """After each evaluation, a picture of four rows: low resolution, bicubic interpolation, generated, real.

    Args:
        columns: images in a row.
        scale: the size of the images over that of the low resolution.
    """

    def __init__(self, columns: int = 10, scale: int = 4) -> None:
        super().__init__(columns, rows=4)
        self.scale = scale

    def on_validation_batch_end(self, trainer: Trainer, module: LightningModule, outputs: Evaluated, *_: Any) -> None:
        if not trainer.is_global_zero or outputs.source is None or not len(outputs.source):
            return
        rows = (outputs.source, bicubic(outputs.source, self.scale), outputs.fake, outputs.real)
        for number, images in enumerate(rows):
            cell = self.cells.setdefault(number, [])
            cell += images[: self.columns - len(cell)]

    on_test_batch_end = on_validation_batch_end
