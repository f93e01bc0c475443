"""A labelled set of which only few labels are known: what semi-supervised papers train on."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from datamodules.base import DataModule
from datamodules.core.order import EvalRange, SampleIndex, ZipSampler
from datamodules.core.sources import ConcatSource, LabelledImages
from datamodules.core.splits import in_order_of_numbers
from datamodules.files.decode import CMYK
from datamodules.files.image_files import Decoding, Files, Scan
from datamodules.labelled import LabelledDataModule
from lightning_cgan import keyed
from lightning_cgan.batches import EvalBatch, Labelled, PartlyLabelled, Reference, UnlabelledImages
from lightning_cgan.errors import UserError
from lightning_cgan.interfaces import with_classes

Together = tuple[SampleIndex, SampleIndex, SampleIndex]  # of labelled images, and of two batches of unlabelled ones


def few_of_each(
    label: Tensor, num_classes: int, labels_per_class: int, label_seed: int, names: Sequence[str] | None = None
) -> Tensor:
    """The places (num_classes * labels_per_class,) of the images whose labels are known, class by class.

    They depend on ``label_seed`` alone, not on the run's seed, and fewer labels are the first of more. Where images
    have ``names``, these decide, so that an image which comes or goes changes one label at most.

    Raises:
        UserError: for a class with fewer images.
    """
    chosen = []
    for one in range(num_classes):
        places = (label == one).nonzero().flatten()
        if len(places) < labels_per_class:
            raise UserError(
                f"Every class gives {labels_per_class} labels; class {one} has {len(places)} training images. "
                "Set data.init_args.labels_per_class."
            )
        if names is not None:
            places = torch.tensor(in_order_of_numbers(names, places.tolist(), f"labels {label_seed}"))
        else:
            places = places[torch.randperm(len(places), generator=keyed.generator("labels", one, seed=label_seed))]
        chosen.append(places[:labels_per_class])
    return torch.cat(chosen)


class FewLabels(Dataset[PartlyLabelled]):
    """Answers ``Together``. Of the labels of ``source`` it holds those at ``places``, and no other."""

    def __init__(self, source: LabelledImages, places: Tensor) -> None:
        self.images, self.places = source.images, places
        self.label = source.label[places]

    def __getitem__(self, at: Together) -> PartlyLabelled:
        labelled, *unlabelled = at
        image = self.images(labelled._replace(image=self.places[labelled.image]))
        return PartlyLabelled(image, self.label[labelled.image], torch.stack([*map(self.images, unlabelled)], 1))


class ToClassify(Dataset[UnlabelledImages]):
    """Answers ``EvalRange``. ``images`` gives (B, C, H, W) uint8 for places, ``name`` what to call each."""

    def __init__(self, images: Callable[[range], Tensor], name: list[str]) -> None:
        self.images, self.name = images, name

    def __getitem__(self, at: EvalRange) -> UnlabelledImages:
        return UnlabelledImages(self.images(at.real), [self.name[place] for place in at.real])


def held(source: LabelledImages, places: range) -> Tensor:
    """The images of ``source`` at ``places``."""
    index = torch.arange(places.start, places.stop)
    return source.images(SampleIndex(torch.zeros_like(index), index))


class SemiLabelled(DataModule):
    """Any labelled set with the labels of ``labels_per_class`` training images of each class.

    The labelled images go round as often as it takes; all training images, these too, are unlabelled ones. Validation
    and test are those of ``data``. ``predict`` classifies the test images, or the pictures of a folder.

    Args:
        data: the labelled set. How large batches are, and all other loading, is its affair.
        labels_per_class: known labels of each class.
        label_seed: draws which; the seed of the run has no say, so runs with different seeds share their labels.
        predict_folder: of pictures to classify; the test images when None.
        cmyk: "plain" takes CMYK pictures in it without an ICC profile too, in colours that are near at best.

    Raises:
        UserError: for data without classes, or fewer labels than one. On ``prepare_data`` and ``setup`` for a class
            with fewer images than that, or a folder without pictures.
    """

    training_batch: ClassVar[type] = PartlyLabelled

    def __init__(
        self,
        data: LabelledDataModule,
        labels_per_class: int,
        label_seed: int = 0,
        predict_folder: str | None = None,
        cmyk: CMYK = "profile",
    ) -> None:
        super().__init__()
        if labels_per_class < 1:
            raise UserError(
                f"labels_per_class is at least 1; met {labels_per_class}. Set data.init_args.labels_per_class."
            )
        self.data, self.protocol, self.spec = data, data.protocol, with_classes(data.spec, "A view with few labels")
        self.labels_per_class, self.label_seed = labels_per_class, label_seed
        self.predict_folder, self.cmyk = predict_folder, cmyk

    def prepare_data(self) -> None:
        self.data.prepare_data()
        self.places()  # what is wrong is said before an earlier run is moved

    def setup(self, stage: str) -> None:
        self.data.trainer = self.trainer
        self.data.setup(stage)
        if stage == "fit":
            self.places()
        if stage == "predict":
            self.pictures()

    def places(self) -> Tensor:
        """Where the labelled images lie in the training set."""
        train = self.data.source("train")
        return few_of_each(train.label, self.spec.num_classes, self.labels_per_class, self.label_seed, train.names())

    def state_dict(self) -> dict[str, Any]:
        return self.data.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.data.load_state_dict(state_dict)

    @property
    def class_names(self) -> tuple[str, ...]:  # type: ignore[override]  # read-only: the set says it
        return self.data.class_names

    def reference(self, split: str) -> Reference:
        return self.data.reference(split)

    def images(self, split: str, most: int | None = None) -> ConcatSource:
        return self.data.images(split, most)

    def image_loader(self, split: str, most: int | None = None) -> DataLoader[EvalBatch]:
        return self.data.image_loader(split, most)

    def train_dataloader(self) -> DataLoader[PartlyLabelled]:
        source, places = self.data.source("train"), self.places()
        first, second = (self.data.training_order(len(source.label), f"unlabelled {k}") for k in (1, 2))
        labelled = self.data.training_order(len(places), "labelled", updates=len(first))
        return self.data.loader(FewLabels(source, places), ZipSampler(labelled, first, second))

    def val_dataloader(self) -> DataLoader[EvalBatch]:
        return self.data.val_dataloader()

    def test_dataloader(self) -> DataLoader[EvalBatch]:
        return self.data.test_dataloader()

    def probe(self) -> list[EvalBatch]:
        return self.data.probe()

    def predict_dataloader(self) -> DataLoader[UnlabelledImages]:
        pictures = self.pictures()
        return self.data.loader(pictures, self.data.shared(len(pictures.name), 0))

    def pictures(self) -> ToClassify:
        """What ``predict`` classifies."""
        if self.predict_folder is None:
            test = self.data.source("test")
            names = [str(place) for place in range(len(test.label))]
            return ToClassify(partial(held, test), names)
        folder = Path(self.predict_folder)
        paths = Scan([folder]).found[0] if folder.is_dir() else []
        if not paths:
            raise UserError(
                f"predict_folder holds the pictures to classify; there are none in {folder}. "
                "Set data.init_args.predict_folder, or leave it out to classify the test images."
            )
        decoding = Decoding(self.spec.size, self.spec.channels, cmyk=self.cmyk)
        files = Files(folder, paths, torch.zeros(len(paths), dtype=torch.int64), decoding)
        return ToClassify(partial(held, files), [os.path.relpath(path, folder) for path in paths])

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        if not isinstance(batch, PartlyLabelled):
            return self.data.on_after_batch_transfer(batch, dataloader_idx)
        whole = torch.cat([batch.image[:, None], batch.unlabelled], 1)
        image = self.data.on_after_batch_transfer(Labelled(whole, batch.label), dataloader_idx).image
        return PartlyLabelled(image[:, 0], batch.label, image[:, 1:])
