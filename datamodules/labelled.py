"""The base of data modules of labelled images: splits, loaders and evaluation protocol."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch.utils.data import DataLoader

from datamodules.base import EVAL_SPLITS, DataModule, check_counts
from datamodules.core.augment import plain
from datamodules.core.batches import Evaluation, PredictLatents, Training
from datamodules.core.class_names import Class, class_numbers
from datamodules.core.fingerprint import Fingerprint, of_images
from datamodules.core.morphs import Morphs
from datamodules.core.order import SampleIndex
from datamodules.core.sources import ConcatSource, LabelledImages
from lightning_cgan.batches import EvalBatch, ImageSpec, Labelled, LatentBatch, Reference
from lightning_cgan.errors import UserError
from lightning_cgan.interfaces import facts_of
from lightning_cgan.protocol import Protocol


class LabelledDataModule(DataModule):
    """Base of the labelled sets. A subclass sets ``spec`` and implements ``load``.

    Args:
        batch_size: real images in one critic update, over all processes together.
        validation_fakes: images generated for each validation, with balanced classes.
        test_fakes: images generated for the test, with balanced classes, unless ``protocol`` sets their number.
        evaluation_batch_size: images in one evaluation batch.
        protocol: the evaluation protocol of ``test``.
        predict_classes: the classes that ``predict`` generates, by number, or by name in quotes; all when None.
        predict_per_class: images of each class; of a morph, paths.
        predict_morphs: pairs of classes, by number or by name, between which ``predict`` generates paths, instead of
            single classes.
        predict_steps: images on a path.
        num_workers: loader processes.

    Raises:
        UserError: for a class to predict that the set does not have, or a number of images below 1.
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
        super().__init__(batch_size, evaluation_batch_size, num_workers)
        check_counts(validation_fakes=validation_fakes, test_fakes=test_fakes, predict_per_class=predict_per_class)
        self.protocol = protocol
        self.fakes = {"val": validation_fakes, "test": protocol.value.fakes or test_fakes}
        self.predict_classes = self.class_numbers(predict_classes, "predict_classes") if predict_classes else None
        self.predict_per_class = predict_per_class
        ends = [self.class_numbers(pair, "predict_morphs") for pair in predict_morphs or ()]
        self.morphs = Morphs(ends, self.spec.num_classes, predict_steps) if ends else None
        self.sources: dict[str, LabelledImages] = {}

    def class_numbers(self, asked: Sequence[Class], key: str) -> list[int]:
        names = self.class_names or tuple(map(str, range(self.spec.num_classes)))
        return class_numbers(asked, self.spec.num_classes, names, key)

    def load(self, split: str) -> LabelledImages:
        """Read the images of ``split``: "train", "val" or "test"; those of "train" may be augmented."""
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
                    f"{low} to {high}. Set data.init_args.num_classes, or correct the labels."
                )
            self.sources[split] = source
        return self.sources[split]

    def scored_images(self, split: str) -> LabelledImages:
        return self.source(split)

    def eval_source(self, split: str) -> ConcatSource:
        """The reference images for scores of ``split`` by the protocol, without augmentation."""
        most = self.protocol.value.reals if split == "test" else None
        return ConcatSource(*(plain(self.source(part)) for part in self.eval_splits(split)), most=most)

    def setup(self, stage: str) -> None:
        if stage == "fit":
            self.source("train")
        if split := EVAL_SPLITS.get(stage):
            self.eval_source(split)
        if stage == "fit":
            self.take_fingerprints()

    def fingerprint(self, split: str) -> Fingerprint:
        return of_images(self.source(split))

    def reference(self, split: str) -> Reference:
        source = self.eval_source(split)
        return Reference(self.split_description(split), len(source.label), source.sha256())

    def train_dataloader(self) -> DataLoader[Labelled]:
        source = self.source("train")
        return self.loader(Training(source), self.training_order(len(source.label)))

    def eval_loader(self, split: str) -> DataLoader[EvalBatch]:
        source = self.eval_source(split)
        order = self.eval_order(len(source.label), self.fakes[split])
        return self.loader(Evaluation(source, self.spec.num_classes), order)

    def probe(self, count: int = 100, classes: int = 20) -> list[EvalBatch]:
        """A small evaluation that is the same in all of a run and in every process, as uint8 on the CPU.

        Args:
            count: validation images, and as many latents, of all classes together; at least ten of each class.
            classes: at most; of more classes, an evenly spaced selection.
        """
        source, known = self.source("val"), max(self.spec.num_classes, 1)
        chosen = torch.linspace(0, known - 1, min(known, classes)).round().long()
        each = max(count // len(chosen), 10)
        indices = torch.cat([(source.label == one).nonzero()[:each, 0] for one in chosen])
        latents = LatentBatch(chosen.repeat(each), torch.arange(each * len(chosen)))
        parts = -(-len(latents.noise_id) // self.evaluation_batch_size)
        return [
            EvalBatch(source.images(SampleIndex(torch.zeros_like(at), at)), source.label[at], LatentBatch(label, key))
            for at, label, key in zip(*(every.tensor_split(parts) for every in (indices, *latents)), strict=True)
        ]

    def predict_dataloader(self) -> DataLoader[LatentBatch]:
        if self.morphs:
            return self.morph_loader(self.morphs)
        classes = self.predict_classes or list(range(max(self.spec.num_classes, 1)))
        order = self.eval_order(0, len(classes) * self.predict_per_class)
        return self.loader(PredictLatents(self.spec.num_classes, classes), order)

    def morph_loader(self, morphs: Morphs) -> DataLoader[LatentBatch]:
        """Loads the latents of ``morphs``.

        Raises:
            UserError: for a paper that does not mix classes.
        """
        module = self.run.lightning_module
        if module is not None and not facts_of(module).mixes_classes:
            raise UserError(
                f"Morphs need a generator that mixes classes; got {type(module).__name__}. "
                "Leave out data.init_args.predict_morphs."
            )
        return self.loader(morphs, self.eval_order(0, len(morphs.pairs) * self.predict_per_class * morphs.steps))
