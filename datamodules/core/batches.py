"""Datasets that return whole batches for the items of the samplers in :mod:`datamodules.core.order`."""

import os
import signal
from types import FrameType
from typing import Any

import torch
from torch.utils.data import Dataset

from datamodules.core.order import EvalRange, SampleIndex, balanced_latents
from datamodules.core.sources import LabelledImages
from lightning_cgan.batches import EvalBatch, Labelled, LatentBatch


class Training(Dataset[Labelled]):
    """``Labelled`` batches by ``SampleIndex``."""

    def __init__(self, source: LabelledImages) -> None:
        self.source = source

    def __len__(self) -> int:
        return len(self.source.label)

    def __getitem__(self, at: SampleIndex) -> Labelled:
        return Labelled(self.source.images(at), self.source.label[at.image])


class Evaluation(Dataset[EvalBatch]):
    """``EvalBatch`` batches by ``EvalRange``."""

    def __init__(self, source: LabelledImages, num_classes: int) -> None:
        self.source, self.num_classes = source, num_classes

    def __getitem__(self, at: EvalRange) -> EvalBatch:
        index = torch.arange(at.real.start, at.real.stop)
        real = self.source.images(SampleIndex(torch.zeros_like(index), index))
        return EvalBatch(real, self.source.label[index], balanced_latents(at.fake, self.num_classes))


class PredictLatents(Dataset[LatentBatch]):
    """The latents that ``predict`` generates from, by ``EvalRange``."""

    def __init__(self, num_classes: int, classes: list[int] | None) -> None:
        self.num_classes, self.classes = num_classes, classes

    def __getitem__(self, at: EvalRange) -> LatentBatch:
        return balanced_latents(at.fake, self.num_classes, self.classes)


def identity(batch: Any) -> Any:
    """The collate function of datasets that return whole batches."""
    return batch


def ignore_first_sigterm(worker: int) -> None:
    """Make a loader process ignore its first SIGTERM and exit at the second.

    SLURM sends SIGTERM to every process of a job, and the training process still needs batches to finish its update.
    The second SIGTERM comes from the DataLoader, which ends its workers.
    """

    def once(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))

    signal.signal(signal.SIGTERM, once)
