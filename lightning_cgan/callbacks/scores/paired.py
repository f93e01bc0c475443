"""Distribution scores together with paired scores, for generated images that each have one real counterpart."""

import math
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from lightning_cgan.batches import EvalOutput
from lightning_cgan.callbacks.pictures import SampleGrid
from lightning_cgan.callbacks.scores.base import PerImage
from lightning_cgan.callbacks.scores.distribution import Scores
from lightning_cgan.errors import UserError
from lightning_cgan.extractors.extractors import Extractor
from lightning_cgan.interfaces import data_facts
from lightning_cgan.metrics.distribution.all_scores import FeatureAccumulator, GatheredFeatures, ScoreResult, all_scores
from lightning_cgan.metrics.paired import bicubic, similarity


class PairedScores(Scores):
    """Logs the scores of ``Scores``, and means over the images of ``psnr``, ``ssim`` and ``ms_ssim`` between each
    generated image and its real counterpart, and of ``feature_distance``, the Euclidean distance of their features.

    In ``test`` every score is also computed for bicubic interpolation: ``test/bicubic_psnr``, ...

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
                "Paired scores need one generated image for each real image of the test split; got "
                f"data.init_args.protocol {protocol.name}, which compares others. Leave it out."
            )

    def start(self) -> None:
        super().start()
        self.baseline_features = FeatureAccumulator(self.extractor, self.features.known)
        self.similarities = PerImage(self.evaluation)

    def update(self, outputs: EvalOutput) -> None:
        super().update(outputs)
        values = paired_values(outputs, "")
        if self.evaluation.testing:
            baseline = outputs._replace(fake=bicubic(outputs.source, self.scale))
            self.baseline_features.add(self.evaluation.batch_idx, baseline)
            values |= paired_values(baseline, "bicubic_")
        self.similarities.add(**values)

    def gather(self) -> GatheredFeatures:
        features = super().gather()
        here = self.evaluation
        self.baseline = self.baseline_features.gather(here.device, here.world_size) if here.testing else None
        self.each = self.similarities.gather()
        self.each["feature_distance"] = feature_distances(features)
        if self.baseline:
            self.each["bicubic_feature_distance"] = feature_distances(self.baseline)
        return features

    def score(self, features: GatheredFeatures) -> tuple[ScoreResult, dict[str, Any]]:
        scored, details = super().score(features)
        value, error = dict(scored.value), dict(scored.error)
        for name, values in self.each.items():
            known = features.finite or name.startswith("bicubic_")  # images of NaN have no similarity
            value[name] = values.double().mean().item() if known else math.nan
            error[name] = values.double().std().item() / math.sqrt(len(values)) if known else math.nan
        if self.baseline:
            baseline = all_scores(
                self.baseline,
                self.extractor.knows_labels,
                self.evaluation.data.protocol.value,
                errors=False,
                block=self.block,
                device=self.evaluation.device,
            )
            value |= {f"bicubic_{name}": score for name, score in baseline.value.items()}
        return scored._replace(value=value, error=error), details


def paired_values(outputs: EvalOutput, prefix: str) -> dict[str, Tensor]:
    """The similarity (B,) of each image and its real counterpart, by name after ``prefix``; B may be 0."""
    images = len(outputs.real)
    blank = torch.zeros(1, *outputs.real.shape[1:], device=outputs.real.device)  # an empty batch has the same names
    fake, real = (image if images else blank for image in (outputs.fake, outputs.real))
    return {prefix + name: values[:images] for name, values in similarity(fake, real).items()}


def feature_distances(features: GatheredFeatures) -> Tensor:
    """(K,) Euclidean distances between the features of each generated image and of its real image."""
    return (features.fake.double() - features.real.double()).norm(dim=1)


class PairedGrid(SampleGrid):
    """Writes a picture of four rows after each evaluation: low resolution, bicubic interpolation, generated, real.

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
