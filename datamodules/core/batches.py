"""Data sets that answer with whole batches: what samplers ask for, read from labelled images."""

import os
import signal
from types import FrameType
from typing import Any

import torch
from torch.utils.data import Dataset

from datamodules.core.order import EvalRange, SampleIndex, balanced_draws
from datamodules.core.sources import LabelledImages
from lightning_cgan.batches import EvalBatch, Labelled, LatentBatch


class Training(Dataset[Labelled]):
    """Answers ``SampleIndex`` with a ``Labelled`` batch."""

    def __init__(self, source: LabelledImages) -> None:
        self.source = source

    def __len__(self) -> int:
        return len(self.source.label)

    def __getitem__(self, at: SampleIndex) -> Labelled:
        return Labelled(self.source.images(at), self.source.label[at.image])


class Evaluation(Dataset[EvalBatch]):
    """Answers ``EvalRange`` with a ``EvalBatch`` batch."""

    def __init__(self, source: LabelledImages, num_classes: int) -> None:
        self.source, self.num_classes = source, num_classes

    def __getitem__(self, at: EvalRange) -> EvalBatch:
        index = torch.arange(at.real.start, at.real.stop)
        real = self.source.images(SampleIndex(torch.zeros_like(index), index))
        return EvalBatch(real, self.source.label[index], balanced_draws(at.draws, self.num_classes))


class Requests(Dataset[LatentBatch]):
    """Answers ``EvalRange`` with the draws that ``predict`` was asked for."""

    def __init__(self, num_classes: int, classes: list[int] | None) -> None:
        self.num_classes, self.classes = num_classes, classes

    def __getitem__(self, at: EvalRange) -> LatentBatch:
        return balanced_draws(at.draws, self.num_classes, self.classes)


def as_is(batch: Any) -> Any:
    """The collate function of data sets that answer with whole batches."""
    return batch


def outlive_first_sigterm(worker: int) -> None:
    """Of a loader process: SLURM signals every process of a job, and the first one still needs batches to stop at the
    end of an update. The second comes from the loader, which ends its processes by it."""

    def once(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))

    signal.signal(signal.SIGTERM, once)
