"""Segmentation scores of translations between images and label maps, and GAN-train scores of segmenters."""

import math
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor, nn

from lightning_cgan.batches import EvalOutput, to_bytes
from lightning_cgan.callbacks.scores.base import on_first_process
from lightning_cgan.callbacks.scores.generated_images import GeneratedImageBuffer
from lightning_cgan.callbacks.scores.translation import TranslationScores, generates_labels
from lightning_cgan.errors import NonFiniteError, UserError
from lightning_cgan.extractors.segmenter import Segmenter, class_numbers, segment
from lightning_cgan.interfaces import data_facts
from lightning_cgan.metrics.distribution.all_scores import ScoreResult
from lightning_cgan.metrics.gan_train import NARROW, seg_gan_train_scores
from lightning_cgan.metrics.segmentation import confusion, leaving_out, segmentation_scores

NAMES = ("accuracy", "class_accuracy", "iou")
KINDS = ("segmentation", "real_segmentation", "labels")  # of scores that come from one confusion matrix each


class SegmentationScores(TranslationScores):
    """Logs scores of images generated from label maps, and of label maps generated from images: pixel accuracy, class
    accuracy and IoU by :mod:`lightning_cgan.metrics.segmentation`, after ``val/`` or ``test/``. The data module's
    ``palette`` and ``labels_in`` tell which images are label maps.

    - ``segmentation_accuracy``, ``segmentation_class_accuracy``, ``segmentation_iou``: the segmenter's predictions for
      generated images against the label maps they were generated from; ``real_segmentation_accuracy``, ... for the real
      images of those label maps: the ceiling.
    - in ``test`` ``seg_gan_train_accuracy``, ... and their ceiling ``real_seg_gan_train_accuracy``, ...: a segmenter
      trained on generated images, or on real ones, tested on other real images;
      :func:`lightning_cgan.metrics.gan_train.seg_gan_train_scores`.
    - ``labels_accuracy``, ...: generated label maps, read by the palette's nearest colours, against the true ones.

    Scores that need true counterparts are left out where the data hold none.

    Args:
        segmenter: a trained segmenter of images; not needed for a model that only generates label maps.
        updates: training length of the segmenters of ``seg_gan_train`` in ``test``; 0 leaves these scores out.
        ignored: classes of the palette that are not scored, such as Cityscapes' "unlabelled".

    Raises:
        UserError: for a negative number of ``updates``; when it is set up, for data or a segmenter that do not fit.
    """

    def __init__(
        self, segmenter: Segmenter | None = None, updates: int = NARROW.updates, ignored: list[int] | None = None
    ) -> None:
        super().__init__()
        if updates < 0:
            raise UserError(
                f"updates of SegmentationScores is at least 0; got {updates}. Set its init_args.updates; 0 leaves out "
                "the seg_gan_train scores."
            )
        self.segmenter, self.updates, self.ignored = segmenter, updates, ignored or []
        self.on_real: nn.Module | None = None

    def setup(self, trainer: Trainer, module: LightningModule, stage: str) -> None:
        data = data_facts(trainer.datamodule)
        palette = data.palette
        if palette is None:
            raise UserError(
                f"Segmentation scores need a domain of label maps; got {type(trainer.datamodule).__name__}, without a "
                "palette. Leave out lightning_cgan.callbacks.SegmentationScores, or set data."
            )
        if self.segmenter and self.segmenter.classes != len(palette):
            raise UserError(
                f"A segmenter has the classes of the palette, {len(palette)}; got {self.segmenter.name} with "
                f"{self.segmenter.classes}. Set init_args.segmenter of SegmentationScores to one trained on this set."
            )
        if unknown := [number for number in self.ignored if not 0 <= number < len(palette)]:
            raise UserError(
                f"Classes are numbers from 0 to {len(palette) - 1}; got {unknown}. Set init_args.ignored of "
                "SegmentationScores."
            )

    def start(self) -> None:
        super().start()
        self.palette = self.evaluation.data.palette
        self.buffers = {name: GeneratedImageBuffer(None) for name in ("fake", "real", "source")}
        if self.segmenter:
            self.segmenter.to(self.evaluation.device)

    def accumulate(self, outputs: EvalOutput) -> None:
        for back, one in enumerate([outputs, outputs.reverse] if outputs.reverse else [outputs]):
            if generates_labels(self.evaluation.data, bool(back)):
                self.add_labels(one)
            elif self.segmenter:
                self.add_images(one)

    def add_labels(self, one: EvalOutput) -> None:
        """Compare generated label maps with the true ones."""
        if not self.evaluation.data.evaluates_pairs:
            self.note("labels: the data are not paired with true label maps; not scored.")
            return
        fake = to_bytes(self.finite("labels", one.fake))
        self.compare("labels", class_numbers(fake, self.palette), self.classes(one.real))

    def add_images(self, one: EvalOutput) -> None:
        """Compare the segmentations of generated and real images with the label maps."""
        assert self.segmenter is not None
        assert one.source is not None
        truth, fake = self.classes(one.source), self.finite("segmentation", one.fake)
        self.compare("segmentation", segment(self.segmenter, to_bytes(fake)), truth)
        if not self.evaluation.data.evaluates_pairs:
            self.note("real_segmentation, seg_gan_train: the data are not paired with real images; not scored.")
            return
        self.compare("real_segmentation", segment(self.segmenter, to_bytes(one.real)), truth)
        if self.evaluation.testing and self.updates:
            for name, images in (("fake", fake), ("real", one.real), ("source", one.source)):
                self.buffers[name].add(self.evaluation.batch_idx, images, self.evaluation.world_size)

    def classes(self, labels: Tensor) -> Tensor:
        return class_numbers(to_bytes(labels), self.palette)

    def compare(self, name: str, decision: Tensor, truth: Tensor) -> None:
        self.add(name, confusion(decision, truth, len(self.palette), self.ignored))

    def scores(self) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for kind in (kind for kind in KINDS if kind in self.sums):
            scores = segmentation_scores(leaving_out(self.sums[kind]))
            found |= self.nan_if_broken(kind, {f"{kind}_{name}": value for name, value in scores.items()})
        return found

    def further_scores(self) -> ScoreResult:
        """GAN-train scores of segmenters that learn from the buffered images."""
        here = self.evaluation
        images = {name: buffer.gather(here.device, here.rank, here.world_size) for name, buffer in self.buffers.items()}
        self.training_card: dict[str, Any] | None = None
        if not len(images["fake"]):
            several = self.buffers["fake"].images
            return ScoreResult(
                {}, {}, ["seg_gan_train: images of several sizes; no segmenter was trained."] if several else []
            )
        missing = {f"{kind}seg_gan_train_{name}": math.nan for kind in ("", "real_") for name in NAMES}
        if self.broken("segmentation"):
            why = "seg_gan_train: generated images hold NaN or infinity; no segmenter was trained."
            return ScoreResult(missing, missing, [why])
        try:
            result, self.training_card = on_first_process(here.trainer, lambda: self.train_segmenters(images))
        except (UserError, NonFiniteError) as refusal:  # the other scores stand
            return ScoreResult(missing, missing, [f"seg_gan_train: {refusal}"])
        return result

    def train_segmenters(self, images: dict[str, Tensor]) -> tuple[ScoreResult, dict[str, Any]]:
        truth, classes = class_numbers(images["source"], self.palette), len(self.palette)
        truth[torch.isin(truth, torch.tensor(self.ignored))] = -1
        recipe = NARROW._replace(updates=self.updates)
        result = seg_gan_train_scores(
            images["fake"], images["real"], truth, classes, recipe, self.evaluation.device, self.on_real
        )
        self.on_real = result.on_real
        return ScoreResult(result.scores, result.standard_errors, []), result.card

    def card(self) -> dict[str, Any]:
        used = {"name": self.segmenter.name, "sha256": self.segmenter.sha256} if self.segmenter else None
        how = {"segmenter": used, "classes": len(self.palette), "ignored": self.ignored, "absent_classes": "left out"}
        return {"segmentation": how | ({"seg_gan_train": self.training_card} if self.training_card else {})}
