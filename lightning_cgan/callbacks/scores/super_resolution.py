"""Scores of super-resolved images of any size, and pictures of them beside interpolated and real ones."""

import math
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor
from torch.nn.functional import avg_pool2d
from torchvision.transforms.functional import center_crop

from lightning_cgan.batches import EvalOutput
from lightning_cgan.callbacks.pictures import SampleGrid
from lightning_cgan.callbacks.scores.base import PerImage, ScoreCallback, ScoreReport, means
from lightning_cgan.extractors.perceptual import Features
from lightning_cgan.metrics.super_resolution import bicubic, image_scores

STRIDE = 8  # pixels between the windows of which the one with most detail is shown


class SuperResolutionScores(ScoreCallback):
    """Logs means over the images of the scores of :func:`lightning_cgan.metrics.super_resolution.image_scores`, after
    ``val/`` or ``test/``: ``psnr_y``, ``ssim_y``, ``gradient_energy`` and, with a ``feature_network``,
    ``feature_distance``; those of bicubic interpolation as ``bicubic_psnr_y``, ...; and the difference ``psnr_y_gain``.

    PSNR and SSIM leave out as many pixels at the border as the factor of enlargement. ``metrics.json`` also has the
    scores of each image; standard errors are over the images.

    Args:
        feature_network: network for ``feature_distance``; one that was not used in the loss of a generator.
    """

    def __init__(self, feature_network: Features | None = None) -> None:
        self.feature_network = feature_network

    def start(self) -> None:
        if self.feature_network is not None:
            self.feature_network.to(self.evaluation.device)
        self.values = PerImage(self.evaluation)

    def update(self, outputs: EvalOutput) -> None:
        assert outputs.source is not None  # super-resolution papers return it
        scale = self.evaluation.data.spec.scale
        baseline = bicubic(outputs.source, scale)
        for fake, plain, real in zip(outputs.fake, baseline, outputs.real, strict=True):
            scores = image_scores(fake, real, scale, self.feature_network)
            beside = image_scores(plain, real, scale, self.feature_network)
            scores |= {f"bicubic_{name}": score for name, score in beside.items()}
            scores["psnr_y_gain"] = scores["psnr_y"] - scores["bicubic_psnr_y"]
            self.values.add(**{name: torch.tensor([value], dtype=torch.float64) for name, value in scores.items()})

    def compute(self) -> ScoreReport:
        values = {name: column.cpu() for name, column in self.values.gather().items()}
        scores, errors = means(values)
        count = len(values["psnr_y"])
        rows = zip(*(column.tolist() for column in values.values()), strict=True)
        names = self.evaluation.data.names(self.evaluation.split) or [f"{place:05d}" for place in range(count)]
        named = zip(names, rows, strict=False)
        images = {name: dict(zip(values, row, strict=True)) for name, row in named}
        unscored = [name for name, each in images.items() if math.isnan(each["psnr_y"])]
        notes = [f"NaN or infinity in {', '.join(unscored)}: no scores"] if unscored else []
        network = self.feature_network
        used = {"name": network.name, "sha256": network.sha256} if network is not None else None
        how = {"luma": "BT.601", "border": self.evaluation.data.spec.scale, "feature_network": used}
        return ScoreReport(scores, errors, count, count, card=how, notes=notes, more={"images": images})


class CropGrid(SampleGrid):
    """Writes a picture with a row for each image after each evaluation: low resolution, bicubic, generated, real.

    It shows the most detailed part of each image: ``samples/000250.png`` in the run folder, ...

    Args:
        rows: images shown, at most.
        size: pixels of the part.
    """

    def __init__(self, rows: int = 8, size: int = 96) -> None:
        super().__init__(columns=4, rows=rows)
        self.size = size

    def on_validation_batch_end(self, trainer: Trainer, module: LightningModule, outputs: EvalOutput, *_: Any) -> None:
        if not trainer.is_global_zero or outputs.source is None:
            return
        scale = trainer.datamodule.spec.scale
        low = outputs.source.repeat_interleave(scale, -1).repeat_interleave(scale, -2)
        columns = low, bicubic(outputs.source, scale), outputs.fake, outputs.real
        for images in zip(*columns, strict=True):
            top, left = most_detailed(images[-1], self.size, scale)
            crops = [image[..., top : top + self.size, left : left + self.size] for image in images]
            if len(self.cells) < self.rows:
                self.cells[len(self.cells)] = [center_crop(crop, [self.size] * 2).cpu() for crop in crops]

    on_test_batch_end = on_validation_batch_end


def most_detailed(image: Tensor, size: int, scale: int) -> tuple[int, int]:
    """Top and left edge, multiples of ``scale``, of the square in (C, H, W) whose neighbouring pixels differ most."""
    right, down = image[..., :-1, 1:], image[..., 1:, :-1]
    apart = ((right - image[..., :-1, :-1]).square() + (down - image[..., :-1, :-1]).square()).mean(0, keepdim=True)
    window = [min(size, side) for side in apart.shape[-2:]]
    stride = -(-STRIDE // scale) * scale
    energy = avg_pool2d(apart[None], window, stride)[0, 0]
    row, column = divmod(int(energy.argmax()), energy.shape[1])
    return row * stride, column * stride
