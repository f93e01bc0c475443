"""What all sets of two domains share: loaders, keyed order, evaluation, conversion on the device."""

import hashlib
from enum import Enum
from typing import ClassVar

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from datamodules.base import MEASURED, DataModule
from datamodules.core.augment import plain
from datamodules.core.batches import Evaluation, as_is, outlive_first_sigterm
from datamodules.core.fingerprint import Fingerprint, of_domains, of_pairs
from datamodules.core.order import EvalRange, EvaluationOrder, SampleIndex, TrainingOrder, ZipSampler
from datamodules.core.sources import ConcatSource, LabelledImages
from datamodules.files.decode import CMYK
from datamodules.files.label_maps import palette_of
from datamodules.files.predict_images import OwnPictures
from datamodules.files.side_decoding import SideDecoding
from lightning_cgan.batches import EvalBatch, Paired, PairSpec, Reference, SourceImages, Unpaired, to_signed
from lightning_cgan.clock import endless_epoch
from lightning_cgan.errors import UserError

Domains = tuple[LabelledImages, LabelledImages]  # of a and of b
Batch = Paired | Unpaired | SourceImages | EvalBatch


class Direction(Enum):
    """Which of the two domains, as they lie in the set, is translated to which."""

    a_to_b = "a_to_b"
    b_to_a = "b_to_a"


class PairedDataset(Dataset[Paired | Unpaired]):
    """Answers a pair of ``SampleIndex``, one for each domain, or the ``EvalRange`` of an evaluation."""

    def __init__(self, domains: Domains, kind: type) -> None:
        self.domains, self.kind = domains, kind

    def __getitem__(self, at: tuple[SampleIndex, SampleIndex] | EvalRange) -> Paired | Unpaired:
        of_a, of_b = (in_order(at.draws), in_order(at.real)) if isinstance(at, EvalRange) else at
        a, b = self.domains
        return self.kind(a.images(of_a), b.images(of_b))


def in_order(part: range) -> SampleIndex:
    place = torch.arange(part.start, part.stop)
    return SampleIndex(torch.zeros_like(place), place)


class PredictDataset(Dataset[SourceImages]):
    """Answers ``EvalRange`` with the images that ``predict`` translates."""

    def __init__(self, source: LabelledImages, name: list[str]) -> None:
        self.source, self.name = source, name

    def __getitem__(self, at: EvalRange) -> SourceImages:
        return SourceImages(self.source.images(in_order(at.draws)), [self.name[number] for number in at.draws])


class TranslationDataModule(DataModule):
    """Base of the sets of two domains. A subclass sets ``spec``, as the set lies on disk, and answers ``load``.

    Args:
        batch_size: images of each domain in one update, over all processes together.
        evaluation_batch_size: images of each domain in one evaluation batch; 1 where they differ in size.
        direction: ``b_to_a`` changes the two domains over: everything else then calls b what the set calls a.
        num_workers: loader processes.
        predict_from: a picture, or a folder of them, that ``predict`` translates as large as they are; the test images
            when None. They are what the model starts from: of b where ``direction`` is ``b_to_a``.
        cmyk: "plain" takes CMYK pictures in ``predict_from`` without an ICC profile too, in colours that are near at
            best.

    Attributes:
        training_batch: ``Paired``, or ``Unpaired`` where nothing relates the domains.
        palette: (K, 3) uint8, the colours of the classes, where one domain is label maps.
        labels_in: that domain after ``direction``, "a" or "b".
        evaluates_pairs: whether image i of b is what image i of a should become in evaluation batches.
    """

    spec: PairSpec
    training_batch: ClassVar[type] = Paired
    palette: Tensor | None = None
    labels_in: str | None = None

    @property
    def evaluates_pairs(self) -> bool:
        return self.training_batch is Paired

    def __init__(
        self,
        batch_size: int = 1,
        evaluation_batch_size: int = 50,
        direction: Direction = Direction.a_to_b,
        num_workers: int = 0,
        predict_from: str | None = None,
        cmyk: CMYK = "profile",
    ) -> None:
        super().__init__()
        for name, count in {"batch_size": batch_size, "evaluation_batch_size": evaluation_batch_size}.items():
            if count < 1:
                raise UserError(f"{name} counts images, at least one; met {count}. Set data.init_args.{name}.")
        self.batch_size, self.evaluation_batch_size = batch_size, evaluation_batch_size
        self.direction, self.num_workers = direction, num_workers
        self.predict_from, self.cmyk = predict_from, cmyk
        if direction is Direction.b_to_a:
            self.spec = self.spec.back()
            self.labels_in = {"a": "b", "b": "a"}.get(self.labels_in or "")
        self.loaded: dict[str, Domains] = {}
        self.own: OwnPictures | None = None

    def load(self, split: str) -> Domains:
        """The images of a and of b, as the set lies on disk, of ``split``: "train", "val" or "test".

        Of a paired set both are equally long, and image i of one belongs to image i of the other.
        """
        raise NotImplementedError

    def domains(self, split: str) -> Domains:
        """The images of a and of b after ``direction``, loaded once."""
        if split not in self.loaded:
            a, b = self.load(split)
            self.loaded[split] = (b, a) if self.direction is Direction.b_to_a else (a, b)
        return self.loaded[split]

    def measured(self, split: str) -> Domains:
        """The images that ``split``'s scores are measured with, without augmentation."""
        a, b = self.domains(split)
        return plain(a), plain(b)

    def own_decoding(self) -> SideDecoding:
        """How a picture of a user's own becomes one of a, as large as it is."""
        palette = self.palette if self.labels_in == "a" else None
        colours = palette_of(palette.tolist(), 0) if palette is not None else None
        return SideDecoding(self.spec.size, self.spec.channels_a, palette=colours, cmyk=self.cmyk).native()

    def own_pictures(self) -> OwnPictures | None:
        """The user's own, where there are some to be translated."""
        if self.own is None and self.predict_from is not None:
            self.own = OwnPictures(self.predict_from, self.own_decoding())
        return self.own

    def setup(self, stage: str) -> None:
        if stage == "predict" and self.own_pictures() is not None:
            return  # the set itself need not be there
        if stage == "fit":
            self.domains("train")
        self.measured(MEASURED.get(stage, "test"))
        if stage == "fit":
            self.take_fingerprints()

    def fingerprint(self, split: str) -> Fingerprint:
        a, b = self.domains(split)
        if self.direction is Direction.b_to_a:  # the images are the same, whichever way they are translated
            a, b = b, a
        return of_pairs(a, b) if self.training_batch is Paired else of_domains(a, b)

    def reference(self, split: str) -> Reference:
        """What ``split``'s scores are measured against: the images of b, and those of a that they are made from."""
        a, b = self.measured(split)
        both = hashlib.sha256((a.sha256() + b.sha256()).encode()).hexdigest()
        return Reference(self.measured_on(split), len(b.label), both)

    def measured_on(self, split: str) -> str:
        """What the card calls ``split``: more than its name where other pictures stand in for it."""
        return split

    def train_dataloader(self) -> DataLoader[Paired | Unpaired]:
        a, b = self.domains("train")
        longest = max(len(a.label), len(b.label))
        if self.training_batch is Paired:
            order = self.training_order(len(a.label), "order", longest)
            return self.loader(PairedDataset((a, b), Paired), ZipSampler(order, order))
        order_a, order_b = (
            self.training_order(len(s.label), f"domain {k}", longest) for k, s in zip("ab", (a, b), strict=True)
        )
        return self.loader(PairedDataset((a, b), Unpaired), ZipSampler(order_a, order_b))

    def training_order(self, count: int, purpose: str, longest: int) -> TrainingOrder:
        """The order of ``count`` images; one pass over ``longest`` of them where the trainer counts epochs."""
        module, trainer = self.run.lightning_module, self.run
        shape = getattr(module, "n_critic", 1), self.batch_size
        updates = endless_epoch(trainer) or -(-longest // (shape[0] * shape[1]))
        rank, world = trainer.global_rank, trainer.world_size
        return TrainingOrder(count, shape, lambda: trainer.global_step, updates, rank, world, purpose)

    def val_dataloader(self) -> DataLoader[Paired | Unpaired]:
        return self.evaluation_loader("val")

    def test_dataloader(self) -> DataLoader[Paired | Unpaired]:
        return self.evaluation_loader("test")

    def evaluation_loader(self, split: str) -> DataLoader[Paired | Unpaired]:
        a, b = self.measured(split)
        return self.loader(PairedDataset((a, b), self.training_batch), self.shared(len(b.label), len(a.label)))

    def probe(self, count: int = 32) -> list[Paired | Unpaired]:
        """A small evaluation that is the same all run long: the first ``count`` validation images of each domain.

        None in super-resolution: its images are large, and cannot lack variety.
        """
        a, b = self.measured("val")
        count = 0 if self.spec.scale > 1 else min(count, len(a.label), len(b.label))
        edges = range(0, count, self.evaluation_batch_size)
        parts = (range(start, min(start + self.evaluation_batch_size, count)) for start in edges)
        return [PairedDataset((a, b), self.training_batch)[EvalRange(part, part)] for part in parts]

    def predict_dataloader(self) -> DataLoader[SourceImages]:
        """The user's own pictures, one in a batch where they differ in size; without any the test images of a."""
        if (own := self.own_pictures()) is not None:
            return self.loader(PredictDataset(own, own.name), self.shared(0, len(own.path), None if own.alike else 1))
        source, _ = self.measured("test")
        count = len(source.label)
        return self.loader(PredictDataset(source, [f"{number:05d}" for number in range(count)]), self.shared(0, count))

    def images(self, split: str, most: int | None = None) -> ConcatSource:
        """The images of b in ``split``, at most so many, without augmentation."""
        return ConcatSource(plain(self.domains(split)[1]), most=most)

    def image_loader(self, split: str, most: int | None = None) -> DataLoader[EvalBatch]:
        """This process' part of :meth:`images`."""
        source = self.images(split, most)
        return self.loader(Evaluation(source, 0), self.shared(len(source.label), 0))

    def shared(self, reals: int, fakes: int, batch_size: int | None = None) -> EvaluationOrder:
        rank, world = self.run.global_rank, self.run.world_size
        return EvaluationOrder(reals, fakes, batch_size or self.evaluation_batch_size, rank, world)

    def loader(self, dataset: Dataset, order: object) -> DataLoader:
        return DataLoader(
            dataset,
            sampler=order,  # type: ignore[arg-type]
            batch_size=None,
            collate_fn=as_is,
            worker_init_fn=outlive_first_sigterm,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=torch.cuda.is_available(),
            generator=torch.Generator(),  # or each new iterator would draw from the global stream
        )

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        if isinstance(batch, Paired | Unpaired):
            return type(batch)(to_signed(batch.a), to_signed(batch.b))
        return batch._replace(image=to_signed(batch.image))
