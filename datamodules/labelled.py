"""What all labelled image sets share: loaders, keyed order, evaluation protocol, conversion on the device."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from datamodules.base import MEASURED, DataModule
from datamodules.core.augment import plain
from datamodules.core.batches import Evaluation, Requests, Training, as_is, outlive_first_sigterm
from datamodules.core.class_names import Class, class_numbers
from datamodules.core.fingerprint import Fingerprint, of_images
from datamodules.core.morphs import Morphs
from datamodules.core.order import EvaluationOrder, SampleIndex, TrainingOrder
from datamodules.core.sources import ConcatSource, LabelledImages
from lightning_cgan.batches import EvalBatch, ImageSpec, Labelled, LatentBatch, Reference, to_signed
from lightning_cgan.clock import endless_epoch
from lightning_cgan.errors import UserError
from lightning_cgan.protocol import Protocol


class LabelledDataModule(DataModule):
    """Base of the labelled sets. A subclass sets ``spec`` and answers ``load``.

    Args:
        batch_size: real images in one critic update, over all processes together.
        validation_fakes: images generated for each validation, with balanced classes.
        test_fakes: images generated for the test, with balanced classes, where ``protocol`` does not say.
        evaluation_batch_size: images in one evaluation batch.
        protocol: the convention by which ``test`` measures.
        predict_classes: the classes that ``predict`` draws, by number, or by name in quotes; all when None.
        predict_per_class: images of each; of a morph, paths.
        predict_morphs: pairs of classes, by number or by name, between which ``predict`` draws paths, instead of single
            classes.
        predict_steps: images on a path.
        num_workers: loader processes.

    Raises:
        UserError: for a class to predict that the set does not have.
    """

    spec: ImageSpec
    training_batch: ClassVar[type] = Labelled

    def __init__(
        self,
        batch_size: int = 64,
        validation_fakes: int = 5_000,
        test_fakes: int = 5_000,
        evaluation_batch_size: int = 250,
        protocol: Protocol = Protocol.OWN,
        predict_classes: list[Class] | None = None,
        predict_per_class: int = 10,
        predict_morphs: list[tuple[Class, Class]] | None = None,
        predict_steps: int = 9,
        num_workers: int = 0,
    ) -> None:
        super().__init__()
        self.batch_size, self.evaluation_batch_size = batch_size, evaluation_batch_size
        self.protocol = protocol
        self.fakes = {"val": validation_fakes, "test": protocol.value.fakes or test_fakes}
        self.predict_classes = self.class_numbers(predict_classes, "predict_classes") if predict_classes else None
        self.predict_per_class = predict_per_class
        ends = [self.class_numbers(pair, "predict_morphs") for pair in predict_morphs or ()]
        self.morphs = Morphs(ends, self.spec.num_classes, predict_steps) if ends else None
        self.num_workers = num_workers
        self.sources: dict[str, LabelledImages] = {}
        counts = {"batch_size": batch_size, "evaluation_batch_size": evaluation_batch_size}
        counts |= {
            "validation_fakes": validation_fakes,
            "test_fakes": test_fakes,
            "predict_per_class": predict_per_class,
        }
        for name, count in counts.items():
            if count < 1:
                raise UserError(f"{name} counts images, at least one; met {count}. Set data.init_args.{name}.")

    def class_numbers(self, asked: Sequence[Class], key: str) -> list[int]:
        names = self.class_names or tuple(map(str, range(self.spec.num_classes)))
        return class_numbers(asked, self.spec.num_classes, names, key)

    def load(self, split: str) -> LabelledImages:
        """The images of ``split``: "train", "val" or "test"."""
        raise NotImplementedError

    def source(self, split: str) -> LabelledImages:
        """The images of ``split``, loaded once and with labels checked.

        Raises:
            UserError: for a label outside of ``spec.num_classes``.
        """
        if split not in self.sources:
            source = self.load(split)
            low, high = int(source.label.min()), int(source.label.max())
            if low < 0 or high >= max(self.spec.num_classes, 1):
                raise UserError(
                    f"Labels are numbers from 0 to {self.spec.num_classes - 1}; the {split} images have labels from "
                    f"{low} to {high}. Set data.init_args.num_classes, or mend the labels."
                )
            self.sources[split] = source
        return self.sources[split]

    def setup(self, stage: str) -> None:
        if stage == "fit":
            self.source("train")
        if split := MEASURED.get(stage):
            self.measured(split)
        if stage == "fit":
            self.take_fingerprints()

    def fingerprint(self, split: str) -> Fingerprint:
        return of_images(self.source(split))

    def measured(self, split: str) -> ConcatSource:
        """The images that ``split``'s scores are measured against, without augmentation."""
        most = self.protocol.value.reals if split == "test" else None
        return ConcatSource(*(plain(self.source(part)) for part in self.measured_splits(split)), most=most)

    def reference(self, split: str) -> Reference:
        """What ``split``'s scores are measured against."""
        source = self.measured(split)
        return Reference(self.measured_on(split), len(source.label), source.sha256())

    def measured_on(self, split: str) -> str:
        """What the card calls ``split``: more than its name where other images stand in for it."""
        return "+".join(self.measured_splits(split))

    def train_dataloader(self) -> DataLoader[Labelled]:
        source = self.source("train")
        return self.loader(Training(source), self.training_order(len(source.label)))

    def training_order(self, count: int, purpose: str = "order", updates: int | None = None) -> TrainingOrder:
        """The order of ``count`` images for this process; ``updates`` long where the trainer counts epochs."""
        return TrainingOrder(
            count,
            self.batch_shape,
            start=lambda: self.run.global_step,
            updates=endless_epoch(self.run) or updates,
            rank=self.run.global_rank,
            world=self.run.world_size,
            purpose=purpose,
        )

    def batch_shape(self, update: int) -> tuple[int, int]:
        """Critic updates in generator update ``update``, and images in each one's batch: as the paper says.

        ``n_critic`` of the module is a number, or a function of the update; so is ``batch_size``, which only a
        paper has that changes it while training. Without a paper there is one critic update.
        """
        module = self.run.lightning_module
        n, size = getattr(module, "n_critic", 1), getattr(module, "batch_size", self.batch_size)
        return n(update) if callable(n) else n, size(update) if callable(size) else size

    def val_dataloader(self) -> DataLoader[EvalBatch]:
        return self.evaluation_loader("val")

    def test_dataloader(self) -> DataLoader[EvalBatch]:
        return self.evaluation_loader("test")

    def evaluation_loader(self, split: str) -> DataLoader[EvalBatch]:
        source = self.measured(split)
        order = self.shared(len(source.label), self.fakes[split])
        return self.loader(Evaluation(source, self.spec.num_classes), order)

    def images(self, split: str, most: int | None = None) -> ConcatSource:
        """The images of ``split``, at most so many, without augmentation."""
        return ConcatSource(plain(self.source(split)), most=most)

    def image_loader(self, split: str, most: int | None = None) -> DataLoader[EvalBatch]:
        """This process' part of :meth:`images`, with nothing set against them."""
        source = self.images(split, most)
        return self.loader(Evaluation(source, self.spec.num_classes), self.shared(len(source.label), 0))

    def probe(self, count: int = 100, classes: int = 20) -> list[EvalBatch]:
        """A small evaluation that is the same all run long and in every process, as loaders give it.

        Args:
            count: validation images, and as many draws, of all classes together; at least ten of each class.
            classes: at most; of more, some that lie evenly among them.
        """
        source, known = self.source("val"), max(self.spec.num_classes, 1)
        chosen = torch.linspace(0, known - 1, min(known, classes)).round().long()
        each = max(count // len(chosen), 10)
        place = torch.cat([(source.label == one).nonzero()[:each, 0] for one in chosen])
        draws = LatentBatch(chosen.repeat(each), torch.arange(each * len(chosen)))
        parts = -(-len(draws.noise_id) // self.evaluation_batch_size)
        return [
            EvalBatch(source.images(SampleIndex(torch.zeros_like(at), at)), source.label[at], LatentBatch(label, key))
            for at, label, key in zip(*(every.tensor_split(parts) for every in (place, *draws)), strict=True)
        ]

    def predict_dataloader(self) -> DataLoader[LatentBatch]:
        if self.morphs:
            return self.morph_loader(self.morphs)
        classes = self.predict_classes or list(range(max(self.spec.num_classes, 1)))
        order = self.shared(0, len(classes) * self.predict_per_class)
        return self.loader(Requests(self.spec.num_classes, classes), order)

    def morph_loader(self, morphs: Morphs) -> DataLoader[LatentBatch]:
        """Loads the draws of ``morphs``.

        Raises:
            UserError: for a paper that does not mix classes.
        """
        module = self.run.lightning_module
        if module is not None and not hasattr(module, "morph"):
            raise UserError(
                f"Morphs need a generator that mixes classes; got {type(module).__name__}. "
                "Leave out data.init_args.predict_morphs."
            )
        return self.loader(morphs, self.shared(0, len(morphs.pairs) * self.predict_per_class * morphs.steps))

    def shared(self, reals: int, fakes: int) -> EvaluationOrder:
        rank, world = self.run.global_rank, self.run.world_size
        return EvaluationOrder(reals, fakes, self.evaluation_batch_size, rank, world)

    def loader(self, dataset: Dataset, order: Sampler) -> DataLoader:
        return DataLoader(
            dataset,
            sampler=order,
            batch_size=None,
            collate_fn=as_is,
            worker_init_fn=outlive_first_sigterm,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=torch.cuda.is_available(),
            generator=torch.Generator(),  # or each new iterator would draw from the global stream
        )

    def on_after_batch_transfer(
        self, batch: Labelled | EvalBatch | LatentBatch, dataloader_idx: int
    ) -> Labelled | EvalBatch | LatentBatch:
        return batch if isinstance(batch, LatentBatch) else batch._replace(image=to_signed(batch.image))
