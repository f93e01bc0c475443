"""Scores of translations between pictures and label maps: what a segmenter reads, and what can be learnt from them."""

import math
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor, nn

from lightning_cgan.batches import EvalOutput, to_bytes
from lightning_cgan.callbacks.scores.distribution import on_first
from lightning_cgan.callbacks.scores.generated_images import GeneratedImageBuffer
from lightning_cgan.callbacks.scores.translation import TranslationScores, gives_labels
from lightning_cgan.errors import NonFiniteError, UserError
from lightning_cgan.extractors.segmenter import Segmenter, class_numbers, decided
from lightning_cgan.interfaces import data_facts
from lightning_cgan.metrics.distribution.all_scores import ScoreResult
from lightning_cgan.metrics.gan_train import NARROW, taught_scores
from lightning_cgan.metrics.segmentation import confusion, leaving_out, segmentation_scores

NAMES = ("accuracy", "class_accuracy", "iou")
KINDS = ("segmentation", "real_segmentation", "labels")  # of scores that come from one confusion matrix each


class SegmentationScores(TranslationScores):
    """Logs scores of pictures that were made from label maps, and of label maps that were made from pictures: pixel
    accuracy, class accuracy and IoU by :mod:`lightning_cgan.metrics.segmentation`, after ``val/`` or ``test/``, and in
    ``metrics.json``. The data module says by ``palette`` and ``labels_in`` which images are label maps.

    - ``segmentation_accuracy``, ``segmentation_class_accuracy``, ``segmentation_iou``: what ``segmenter`` reads in
      generated pictures, against the label maps that they were made from; ``real_segmentation_accuracy`` and so on are
      what it reads in the real pictures of those label maps: the ceiling.
    - in ``test`` ``taught_accuracy`` and so on, and their ceiling ``real_taught_accuracy`` and so on: what a segmenter
      that learns from generated pictures, or from real ones, reads in other real pictures;
      :func:`lightning_cgan.metrics.gan_train.taught_scores`.
    - ``labels_accuracy`` and so on: generated label maps, read by the palette's nearest colours, against the true ones.

    What needs true counterparts is left out where the data hold none.

    Args:
        segmenter: that reads pictures; a model that only makes label maps needs none.
        updates: how long segmenters learn from generated and from real pictures in ``test``; 0 leaves them out.
        ignored: classes of the palette that are not scored, as Cityscapes' "unlabelled".

    Raises:
        UserError: for a negative number of ``updates``.
    """

    def __init__(
        self, segmenter: Segmenter | None = None, updates: int = NARROW.updates, ignored: list[int] | None = None
    ) -> None:
        super().__init__()
        if updates < 0:
            raise UserError(
                f"updates of SegmentationScores is at least 0; met {updates}. Set its init_args.updates, 0 to leave "
                "out the scores of what can be learnt."
            )
        self.segmenter, self.updates, self.ignored = segmenter, updates, ignored or []
        self.on_real: nn.Module | None = None

    def setup(self, trainer: Trainer, module: LightningModule, stage: str) -> None:
        data = trainer.datamodule
        palette = data_facts(data).palette
        if palette is None:
            raise UserError(
                f"Segmentation is scored where one domain is label maps; {type(data).__name__} has no palette. "
                "Leave out lightning_cgan.callbacks.SegmentationScores, or set data."
            )
        if self.segmenter and self.segmenter.classes != len(palette):
            raise UserError(
                f"A segmenter reads the classes of the palette, {len(palette)}; {self.segmenter.name} has "
                f"{self.segmenter.classes}. Set init_args.segmenter of SegmentationScores to one trained on this set."
            )
        if unknown := [number for number in self.ignored if not 0 <= number < len(palette)]:
            raise UserError(
                f"Classes are numbers from 0 to {len(palette) - 1}; met {unknown}. Set init_args.ignored of "
                "SegmentationScores."
            )

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        super().on_validation_start(trainer, module)
        self.palette = trainer.datamodule.palette
        self.kept = {name: GeneratedImageBuffer(None) for name in ("fake", "real", "source")}
        if self.segmenter:
            self.segmenter.to(module.device)

    on_test_start = on_validation_start

    def take(self, trainer: Trainer, outputs: EvalOutput) -> None:
        for back, one in enumerate([outputs, outputs.reverse] if outputs.reverse else [outputs]):
            if gives_labels(trainer, bool(back)):
                self.take_labels(trainer, one)
            elif self.segmenter:
                self.take_pictures(trainer, one)

    def take_labels(self, trainer: Trainer, one: EvalOutput) -> None:
        """Generated label maps against the true ones."""
        if not data_facts(trainer.datamodule).evaluates_pairs:
            self.note("labels: the data hold no true label map of each picture; nothing was scored.")
            return
        fake = to_bytes(self.usable("labels", one.fake))
        self.compare("labels", class_numbers(fake, self.palette), self.classes(one.real))

    def take_pictures(self, trainer: Trainer, one: EvalOutput) -> None:
        """What the segmenter reads in generated and in real pictures, against the label maps."""
        assert self.segmenter is not None
        assert one.source is not None
        truth, fake = self.classes(one.source), self.usable("segmentation", one.fake)
        self.compare("segmentation", decided(self.segmenter, to_bytes(fake)), truth)
        if not data_facts(trainer.datamodule).evaluates_pairs:
            self.note("real_segmentation, taught: the data hold no real picture of each label map; not scored.")
            return
        self.compare("real_segmentation", decided(self.segmenter, to_bytes(one.real)), truth)
        if trainer.state.fn == "test" and self.updates:
            for name, images in (("fake", fake), ("real", one.real), ("source", one.source)):
                self.kept[name].add(self.batch, images, trainer.world_size)

    def classes(self, labels: Tensor) -> Tensor:
        return class_numbers(to_bytes(labels), self.palette)

    def compare(self, name: str, decision: Tensor, truth: Tensor) -> None:
        self.add(name, confusion(decision, truth, len(self.palette), self.ignored))

    def scores(self, trainer: Trainer, module: LightningModule) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for kind in (kind for kind in KINDS if kind in self.sums):
            scores = segmentation_scores(leaving_out(self.sums[kind]))
            found |= self.without(kind, {f"{kind}_{name}": value for name, value in scores.items()})
        return found

    def more(self, trainer: Trainer, module: LightningModule) -> ScoreResult:
        """What segmenters learn from the pictures that were kept."""
        parts = module.device, trainer.global_rank, trainer.world_size
        images = {name: kept.gather(*parts) for name, kept in self.kept.items()}
        self.taught: dict[str, Any] | None = None
        if not len(images["fake"]):
            several = ["taught: pictures of several sizes; nothing was learnt."] if self.kept["fake"].images else []
            return ScoreResult({}, {}, several)
        missing = {f"{kind}taught_{name}": math.nan for kind in ("", "real_") for name in NAMES}
        if self.broken("segmentation"):
            return ScoreResult(missing, missing, ["taught: generated images hold NaN or infinity; nothing was learnt."])
        try:
            learnt, self.taught = on_first(trainer, lambda: self.learnt(images, module.device))
        except (UserError, NonFiniteError) as refusal:  # what else was scored is not lost
            return ScoreResult(missing, missing, [f"taught: {refusal}"])
        return learnt

    def learnt(self, images: dict[str, Tensor], device: torch.device) -> tuple[ScoreResult, dict[str, Any]]:
        truth, classes = class_numbers(images["source"], self.palette), len(self.palette)
        truth[torch.isin(truth, torch.tensor(self.ignored))] = -1
        recipe = NARROW._replace(updates=self.updates)
        learnt = taught_scores(images["fake"], images["real"], truth, classes, recipe, device, self.on_real)
        self.on_real = learnt.on_real
        return ScoreResult(learnt.scores, learnt.standard_errors, []), learnt.card

    def said_on_card(self) -> dict[str, Any]:
        used = {"name": self.segmenter.name, "sha256": self.segmenter.sha256} if self.segmenter else None
        said = {"segmenter": used, "classes": len(self.palette), "ignored": self.ignored, "absent_classes": "left out"}
        return {"segmentation": said | ({"taught": self.taught} if self.taught else {})}
