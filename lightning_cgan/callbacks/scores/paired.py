"""Scores and pictures of super-resolution, where each generated image has one real image that it should equal."""

import math
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor
from torchmetrics.utilities.distributed import gather_all_tensors

from lightning_cgan.batches import EvalOutput
from lightning_cgan.callbacks.pictures import SampleGrid
from lightning_cgan.callbacks.scores.distribution import Scores
from lightning_cgan.errors import UserError
from lightning_cgan.extractors.extractors import Extractor
from lightning_cgan.interfaces import data_facts
from lightning_cgan.metrics.distribution.all_scores import FeatureAccumulator, GatheredFeatures, ScoreResult, all_scores
from lightning_cgan.metrics.paired import bicubic, similarity


class PairedScores(Scores):
    """What ``Scores`` logs, and ``psnr``, ``ssim`` and ``ms_ssim`` between each generated and its real image, and
    ``feature_distance``, the Euclidean distance of their features; means over the images.

    In ``test`` every score is also given for bicubic interpolation, as ``test/bicubic_psnr`` and so on.

    Args:
        extractor: the network whose features and logits are scored.
        scale: the size of the images over that of the low resolution.
        more: of :class:`~lightning_cgan.callbacks.Scores`.
    """

    def __init__(self, extractor: Extractor, scale: int = 4, **more: Any) -> None:
        super().__init__(extractor, **more)
        self.scale = scale

    def setup(self, trainer: Trainer, module: LightningModule, stage: str) -> None:
        super().setup(trainer, module, stage)
        protocol = data_facts(trainer.datamodule).protocol
        if stage == "test" and protocol.value.fakes:
            raise UserError(
                "Pairs are one generated for each real image of the test split; met data.init_args.protocol "
                f"{protocol.name}, which sets other images against each other. Leave it out."
            )

    def begin(self, trainer: Trainer, module: LightningModule, split: str) -> None:
        super().begin(trainer, module, split)
        self.interpolated = FeatureAccumulator(self.extractor, self.passed.known)
        self.similar: dict[str, list[Tensor]] = {}

    def take(self, trainer: Trainer, number: int, outputs: EvalOutput) -> None:
        super().take(trainer, number, outputs)
        self.compare(outputs, "")
        if trainer.state.fn == "test":
            baseline = outputs._replace(fake=bicubic(outputs.source, self.scale))
            self.interpolated.add(number, baseline)
            self.compare(baseline, "bicubic_")

    def compare(self, outputs: EvalOutput, prefix: str) -> None:
        images = len(outputs.real)
        blank = torch.zeros(1, *outputs.real.shape[1:], device=outputs.real.device)  # an empty batch has scores too
        fake, real = (image if images else blank for image in (outputs.fake, outputs.real))
        for name, values in similarity(fake, real).items():
            self.similar.setdefault(prefix + name, []).append(values[:images])

    def gather(self, trainer: Trainer, module: LightningModule, split: str) -> GatheredFeatures:
        seen = super().gather(trainer, module, split)
        self.baseline = self.interpolated.gather(module.device, trainer.world_size) if split == "test" else None
        self.each = {name: torch.cat(values) for name, values in self.similar.items()}
        if trainer.world_size > 1:
            self.each = {name: torch.cat(gather_all_tensors(values)) for name, values in self.each.items()}
        self.each["feature_distance"] = apart(seen)
        if self.baseline:
            self.each["bicubic_feature_distance"] = apart(self.baseline)
        return seen

    def compute(
        self, trainer: Trainer, module: LightningModule, seen: GatheredFeatures
    ) -> tuple[ScoreResult, dict[str, Any]]:
        scored, details = super().compute(trainer, module, seen)
        value, error = dict(scored.value), dict(scored.error)
        for name, values in self.each.items():
            known = seen.finite or name.startswith("bicubic_")  # a byte that was no number says nothing
            value[name] = values.double().mean().item() if known else math.nan
            error[name] = values.double().std().item() / math.sqrt(len(values)) if known else math.nan
        if self.baseline:
            baseline = all_scores(
                self.baseline,
                self.extractor.knows_labels,
                data_facts(trainer.datamodule).protocol.value,
                errors=False,
                block=self.block,
                device=module.device,
            )
            value |= {f"bicubic_{name}": score for name, score in baseline.value.items()}
        return scored._replace(value=value, error=error), details


def apart(seen: GatheredFeatures) -> Tensor:
    """(K,) how far each generated image's features are from those of its real image."""
    return (seen.fake.double() - seen.real.double()).norm(dim=1)


class PairedGrid(SampleGrid):
    """After each evaluation, a picture of four rows: low resolution, bicubic interpolation, generated, real.

    Args:
        columns: images in a row.
        scale: the size of the images over that of the low resolution.
    """

    def __init__(self, columns: int = 10, scale: int = 4) -> None:
        super().__init__(columns, rows=4)
        self.scale = scale

    def on_validation_batch_end(self, trainer: Trainer, module: LightningModule, outputs: EvalOutput, *_: Any) -> None:
        if not trainer.is_global_zero or outputs.source is None or not len(outputs.source):
            return
        rows = (outputs.source, bicubic(outputs.source, self.scale), outputs.fake, outputs.real)
        for number, images in enumerate(rows):
            cell = self.cells.setdefault(number, [])
            cell += images[: self.columns - len(cell)]

    on_test_batch_end = on_validation_batch_end
