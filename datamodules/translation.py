"""The base of data modules of two domains, a and b: splits, direction, loaders."""

import hashlib
from enum import Enum
from typing import ClassVar

import torch
from torch.utils.data import DataLoader, Dataset

from datamodules.base import EVAL_SPLITS, DataModule
from datamodules.core.augment import plain
from datamodules.core.fingerprint import Fingerprint, of_domains, of_pairs
from datamodules.core.order import EvalRange, SampleIndex, ZipSampler
from datamodules.core.sources import LabelledImages
from datamodules.files.decode import CMYK
from datamodules.files.label_maps import palette_of
from datamodules.files.predict_images import PredictFiles
from datamodules.files.side_decoding import SideDecoding
from lightning_cgan.batches import Paired, PairSpec, Reference, SourceImages, Unpaired

Domains = tuple[LabelledImages, LabelledImages]  # of a and of b


class Direction(Enum):
    """Which of the two domains, as the set names them, is translated to which."""

    a_to_b = "a_to_b"
    b_to_a = "b_to_a"


class PairedDataset(Dataset[Paired | Unpaired]):
    """Batches of two domains, by a pair of ``SampleIndex``, one for each domain, or by the ``EvalRange`` of an
    evaluation."""

    def __init__(self, domains: Domains, kind: type) -> None:
        self.domains, self.kind = domains, kind

    def __getitem__(self, at: tuple[SampleIndex, SampleIndex] | EvalRange) -> Paired | Unpaired:
        of_a, of_b = (in_order(at.fake), in_order(at.real)) if isinstance(at, EvalRange) else at
        a, b = self.domains
        return self.kind(a.images(of_a), b.images(of_b))


def in_order(part: range) -> SampleIndex:
    index = torch.arange(part.start, part.stop)
    return SampleIndex(torch.zeros_like(index), index)


class PredictDataset(Dataset[SourceImages]):
    """The images that ``predict`` translates, by ``EvalRange``."""

    def __init__(self, source: LabelledImages, name: list[str]) -> None:
        self.source, self.name = source, name

    def __getitem__(self, at: EvalRange) -> SourceImages:
        return SourceImages(self.source.images(in_order(at.fake)), [self.name[number] for number in at.fake])


class TranslationDataModule(DataModule):
    """Base of the sets of two domains. A subclass sets ``spec``, as the set lies on disk, and implements ``load``.

    Args:
        batch_size: images of each domain in one update, over all processes together.
        evaluation_batch_size: images of each domain in one evaluation batch; 1 where they differ in size.
        direction: ``b_to_a`` exchanges the two domains: b is then what the set calls a, in every other place.
        num_workers: loader processes.
        predict_from: a picture, or a folder of pictures, that ``predict`` translates at their own size; the test images
            when None. They are of the domain that is translated: of b where ``direction`` is ``b_to_a``.
        cmyk: "plain" also accepts CMYK pictures in ``predict_from`` without an ICC profile; their colours are
            approximate.

    Attributes:
        training_batch: ``Paired``, or ``Unpaired`` where nothing relates the domains.
    """

    spec: PairSpec
    training_batch: ClassVar[type] = Paired

    def __init__(
        self,
        batch_size: int = 1,
        evaluation_batch_size: int = 50,
        direction: Direction = Direction.a_to_b,
        num_workers: int = 0,
        predict_from: str | None = None,
        cmyk: CMYK = "profile",
    ) -> None:
        super().__init__(batch_size, evaluation_batch_size, num_workers)
        self.direction, self.predict_from, self.cmyk = direction, predict_from, cmyk
        if direction is Direction.b_to_a:
            self.spec = self.spec.back()
            self.labels_in = {"a": "b", "b": "a"}.get(self.labels_in or "")
        self.loaded: dict[str, Domains] = {}
        self.predict_files: PredictFiles | None = None

    @property
    def evaluates_pairs(self) -> bool:  # type: ignore[override]  # follows from the kind of batch
        return self.training_batch is Paired

    def load(self, split: str) -> Domains:
        """Read the images of a and of b, as the set lies on disk, of ``split``: "train", "val" or "test".

        Of a paired set both are equally long, and image i of one belongs to image i of the other.
        """
        raise NotImplementedError

    def domains(self, split: str) -> Domains:
        """The images of a and of b after ``direction``, loaded once."""
        if split not in self.loaded:
            a, b = self.load(split)
            self.loaded[split] = (b, a) if self.direction is Direction.b_to_a else (a, b)
        return self.loaded[split]

    def scored_images(self, split: str) -> LabelledImages:
        return self.domains(split)[1]

    def eval_sources(self, split: str) -> Domains:
        """The images of a and of b that scores of ``split`` use, without augmentation."""
        a, b = self.domains(split)
        return plain(a), plain(b)

    def predict_decoding(self) -> SideDecoding:
        """How a file in ``predict_from`` becomes an image of a, at its own size."""
        palette = self.palette if self.labels_in == "a" else None
        colours = palette_of(palette.tolist(), 0) if palette is not None else None
        return SideDecoding(self.spec.size, self.spec.channels_a, palette=colours, cmyk=self.cmyk).native()

    def predict_images(self) -> PredictFiles | None:
        """The pictures in ``predict_from``; None without it."""
        if self.predict_files is None and self.predict_from is not None:
            self.predict_files = PredictFiles(self.predict_from, self.predict_decoding())
        return self.predict_files

    def setup(self, stage: str) -> None:
        if stage == "predict" and self.predict_images() is not None:
            return  # the set itself need not be there
        if stage == "fit":
            self.domains("train")
        self.eval_sources(EVAL_SPLITS.get(stage, "test"))
        if stage == "fit":
            self.take_fingerprints()

    def fingerprint(self, split: str) -> Fingerprint:
        a, b = self.domains(split)
        if self.direction is Direction.b_to_a:  # the images are the same in both directions
            a, b = b, a
        return of_pairs(a, b) if self.training_batch is Paired else of_domains(a, b)

    def reference(self, split: str) -> Reference:
        """The images of b, with a hash of these and of the images of a that they are generated from."""
        a, b = self.eval_sources(split)
        both = hashlib.sha256((a.sha256() + b.sha256()).encode()).hexdigest()
        return Reference(self.split_description(split), len(b.label), both)

    def train_dataloader(self) -> DataLoader[Paired | Unpaired]:
        a, b = self.domains("train")
        if self.training_batch is Paired:
            order = self.training_order(len(a.label))
            return self.loader(PairedDataset((a, b), Paired), ZipSampler(order, order))
        return self.unpaired_loader(a, b)

    def unpaired_loader(self, a: LabelledImages, b: LabelledImages) -> DataLoader[Unpaired]:
        """Training batches of a and b in independent orders; an epoch is one pass over the larger of them."""
        n_critic, batch_size = self.batch_shape(0)
        updates = -(-max(len(a.label), len(b.label)) // (n_critic * batch_size))
        orders = (self.training_order(len(s.label), f"domain {k}", updates) for k, s in (("a", a), ("b", b)))
        return self.loader(PairedDataset((a, b), Unpaired), ZipSampler(*orders))

    def eval_loader(self, split: str) -> DataLoader[Paired | Unpaired]:
        a, b = self.eval_sources(split)
        return self.loader(PairedDataset((a, b), self.training_batch), self.eval_order(len(b.label), len(a.label)))

    def probe(self, count: int = 32) -> list[Paired | Unpaired]:
        """A small evaluation that is the same in all of a run: the first ``count`` validation images of each domain.

        Empty in super-resolution: its images are large, and a lack of variety is impossible.
        """
        if self.spec.scale > 1:
            return []
        a, b = self.eval_sources("val")
        count = min(count, len(a.label), len(b.label))
        edges = range(0, count, self.evaluation_batch_size)
        parts = (range(start, min(start + self.evaluation_batch_size, count)) for start in edges)
        return [PairedDataset((a, b), self.training_batch)[EvalRange(part, part)] for part in parts]

    def predict_dataloader(self) -> DataLoader[SourceImages]:
        """The pictures in ``predict_from``, one in a batch if they differ in size; without it the test images of a."""
        if (files := self.predict_images()) is not None:
            order = self.eval_order(0, len(files.path), None if files.same_size else 1)
            return self.loader(PredictDataset(files, files.name), order)
        source, _ = self.eval_sources("test")
        count = len(source.label)
        names = [f"{number:05d}" for number in range(count)]
        return self.loader(PredictDataset(source, names), self.eval_order(0, count))
