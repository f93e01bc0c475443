"""What enlarged images of any size are scored by, and what they look like beside interpolated and true ones."""

import math
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.nn.functional import avg_pool2d
from torchmetrics.utilities.distributed import gather_all_tensors
from torchvision.transforms.functional import center_crop

from lightning_cgan.batches import EvalOutput
from lightning_cgan.callbacks.pictures import SampleGrid
from lightning_cgan.callbacks.scores.card import card
from lightning_cgan.extractors.perceptual import Features
from lightning_cgan.interfaces import data_facts
from lightning_cgan.metrics.super_resolution import bicubic, image_scores
from lightning_cgan.runs.metrics_json import report

STRIDE = 8  # pixels between the windows of which the one with most detail is shown


class SuperResolutionScores(Callback):
    """Logs means over the images of the scores of :func:`lightning_cgan.metrics.super_resolution.image_scores`:
    ``val/psnr_y``, ``val/ssim_y``, ``val/gradient_energy`` and, with a judge, ``val/feature_distance``; their twins
    ``test/…``; those of bicubic interpolation as ``val/bicubic_psnr_y`` and so on; and ``val/psnr_y_gain`` over it.

    PSNR and SSIM leave out as many pixels at the border as an image is enlarged by. ``metrics.json`` has the scores of
    each image too, and standard errors over the images.

    Args:
        judge: a feature network that no generator was trained with.
    """

    def __init__(self, judge: Features | None = None) -> None:
        self.judge = judge

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        if self.judge is not None:
            self.judge.to(module.device)
        self.names: list[str] = []
        self.rows: list[list[float]] = []  # the number of the batch over all processes, and the scores of an image

    def on_validation_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: EvalOutput, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        assert outputs.source is not None  # the papers that super-resolve give it
        scale = trainer.datamodule.spec.scale
        baseline = bicubic(outputs.source, scale)
        for fake, plain, real in zip(outputs.fake, baseline, outputs.real, strict=True):
            scores = image_scores(fake, real, scale, self.judge)
            beside = image_scores(plain, real, scale, self.judge)
            scores |= {f"bicubic_{name}": score for name, score in beside.items()}
            scores["psnr_y_gain"] = scores["psnr_y"] - scores["bicubic_psnr_y"]
            self.names = list(scores)
            self.rows.append([batch_idx * trainer.world_size + trainer.global_rank, *scores.values()])

    def on_validation_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        if not trainer.sanity_checking:
            self.finish(trainer, module, "val")

    on_test_start, on_test_batch_end = on_validation_start, on_validation_batch_end

    def on_test_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        self.finish(trainer, module, "test")

    def finish(self, trainer: Trainer, module: LightningModule, split: str) -> None:
        rows = self.gather(module)
        value = {name: column.mean().item() for name, column in zip(self.names, rows.T, strict=True)}
        error = {name: standard_error(column) for name, column in zip(self.names, rows.T, strict=True)}
        names = data_facts(trainer.datamodule).names(split) or [f"{place:05d}" for place in range(len(rows))]
        images = {
            name: dict(zip(self.names, row, strict=True)) for name, row in zip(names, rows.tolist(), strict=False)
        }
        unscored = [name for name, scores in images.items() if math.isnan(scores["psnr_y"])]
        notes = [f"NaN or infinity in {', '.join(unscored)}: no scores"] if unscored else []
        judge = {name: getattr(self.judge, name) for name in ("name", "sha256")} if self.judge is not None else None
        measured = {"luma": "BT.601", "border": trainer.datamodule.spec.scale, "judge": judge}
        written = card(trainer, module, split, reals=len(rows), fakes=len(rows)) | measured
        report(trainer, module, split, value, error, written, notes=notes, images=images)

    def gather(self, module: LightningModule) -> Tensor:
        """(images, scores) of all processes, in the order of one."""
        trainer = module.trainer
        self.names = trainer.strategy.broadcast(self.names)  # a process may have seen no image
        rows = torch.tensor(self.rows, dtype=torch.float64, device=module.device).view(-1, 1 + len(self.names))
        if trainer.world_size > 1:
            rows = torch.cat(gather_all_tensors(rows))
        return rows[rows[:, 0].argsort(stable=True), 1:].cpu()


def standard_error(values: Tensor) -> float:
    """Of the mean of (N,) images' scores; NaN of fewer than two."""
    return values.std().item() / math.sqrt(len(values)) if len(values) > 1 else math.nan


class CropGrid(SampleGrid):
    """After each evaluation, a picture with a row for each image: low resolution, bicubic, generated, true.

    It shows the part of each image that has most detail. ``samples/000250.png`` in the run folder, and so on.

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
    """The top and left edge, multiples of ``scale``, of a square in (C, H, W) whose neighbouring pixels differ most."""
    right, down = image[..., :-1, 1:], image[..., 1:, :-1]
    apart = ((right - image[..., :-1, :-1]).square() + (down - image[..., :-1, :-1]).square()).mean(0, keepdim=True)
    window = [min(size, side) for side in apart.shape[-2:]]
    stride = -(-STRIDE // scale) * scale
    energy = avg_pool2d(apart[None], window, stride)[0, 0]
    row, column = divmod(int(energy.argmax()), energy.shape[1])
    return row * stride, column * stride
