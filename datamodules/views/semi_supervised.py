"""A view of a labelled set of which only few labels are known: training data for semi-supervised papers."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from datamodules.core.order import EvalRange, SampleIndex, ZipSampler
from datamodules.core.sources import LabelledImages
from datamodules.core.splits import in_order_of_numbers
from datamodules.files.decode import CMYK
from datamodules.files.image_files import Decoding, Files, Scan
from datamodules.labelled import LabelledDataModule
from datamodules.views.base import View
from lightning_cgan import keyed
from lightning_cgan.batches import Labelled, PartlyLabelled, UnlabelledImages
from lightning_cgan.errors import UserError
from lightning_cgan.interfaces import with_classes

Indices = tuple[SampleIndex, SampleIndex, SampleIndex]  # of labelled images, and of two batches of unlabelled ones


def few_of_each(
    label: Tensor, num_classes: int, labels_per_class: int, label_seed: int, names: Sequence[str] | None = None
) -> Tensor:
    """The indices (num_classes * labels_per_class,) of the images whose labels are known, class by class.

    They depend on ``label_seed`` only, not on the seed of the run, and fewer labels are a prefix of more. Where images
    have ``names``, these decide, so that adding or removing an image changes at most one label.

    Raises:
        UserError: for a class with fewer images.
    """
    chosen = []
    for one in range(num_classes):
        indices = (label == one).nonzero().flatten()
        if len(indices) < labels_per_class:
            raise UserError(
                f"Every class gives {labels_per_class} labels; class {one} has {len(indices)} training images. "
                "Set data.init_args.labels_per_class."
            )
        if names is not None:
            indices = torch.tensor(in_order_of_numbers(names, indices.tolist(), f"labels {label_seed}"))
        else:
            indices = indices[torch.randperm(len(indices), generator=keyed.generator("labels", one, seed=label_seed))]
        chosen.append(indices[:labels_per_class])
    return torch.cat(chosen)


class FewLabels(Dataset[PartlyLabelled]):
    """Training batches by ``Indices``. It holds the labels of ``source`` at ``labelled``, and no other."""

    def __init__(self, source: LabelledImages, labelled: Tensor) -> None:
        self.images, self.labelled = source.images, labelled
        self.label = source.label[labelled]

    def __getitem__(self, at: Indices) -> PartlyLabelled:
        labelled, *unlabelled = at
        image = self.images(labelled._replace(image=self.labelled[labelled.image]))
        return PartlyLabelled(image, self.label[labelled.image], torch.stack([*map(self.images, unlabelled)], 1))


class ToClassify(Dataset[UnlabelledImages]):
    """Images to classify, by ``EvalRange``.

    Args:
        images: maps a range of indices to (B, C, H, W) uint8.
        name: of each image.
    """

    def __init__(self, images: Callable[[range], Tensor], name: list[str]) -> None:
        self.images, self.name = images, name

    def __getitem__(self, at: EvalRange) -> UnlabelledImages:
        return UnlabelledImages(self.images(at.real), [self.name[index] for index in at.real])


def images_in(source: LabelledImages, indices: range) -> Tensor:
    """The images (B, C, H, W) of ``source`` at ``indices``."""
    index = torch.arange(indices.start, indices.stop)
    return source.images(SampleIndex(torch.zeros_like(index), index))


class SemiLabelled(View):
    """Any labelled set with the labels of ``labels_per_class`` training images of each class.

    The labelled images are repeated as often as needed; all training images, these included, serve as unlabelled ones.
    Validation and test are those of ``data``. ``predict`` classifies the test images, or the pictures of a folder.

    Args:
        data: the labelled set. Batch size and all other loading options come from it.
        labels_per_class: known labels of each class.
        label_seed: selects which labels are known, independently of the seed of the run.
        predict_folder: of pictures to classify; the test images when None.
        cmyk: "plain" also accepts CMYK pictures in it without an ICC profile; their colours are approximate.

    Raises:
        UserError: for data without classes, or fewer labels than one. On ``prepare_data`` and ``setup`` for a class
            with fewer images than that, or a folder without pictures.
    """

    data: LabelledDataModule
    training_batch: ClassVar[type] = PartlyLabelled

    def __init__(
        self,
        data: LabelledDataModule,
        labels_per_class: int,
        label_seed: int = 0,
        predict_folder: str | None = None,
        cmyk: CMYK = "profile",
    ) -> None:
        if labels_per_class < 1:
            raise UserError(
                f"labels_per_class is at least 1; got {labels_per_class}. Set data.init_args.labels_per_class."
            )
        with_classes(data.spec, "SemiLabelled")
        super().__init__(data)
        self.labels_per_class, self.label_seed = labels_per_class, label_seed
        self.predict_folder, self.cmyk = predict_folder, cmyk

    def prepare_data(self) -> None:
        self.data.prepare_data()
        self.labelled_indices()  # raises before an earlier run is moved

    def setup(self, stage: str) -> None:
        self.data.setup(stage)
        if stage == "fit":
            self.labelled_indices()
        if stage == "predict":
            self.images_to_classify()

    def labelled_indices(self) -> Tensor:
        """The indices of the labelled images in the training set."""
        train = self.data.source("train")
        return few_of_each(
            train.label, self.data.spec.num_classes, self.labels_per_class, self.label_seed, train.names()
        )

    def train_dataloader(self) -> DataLoader[PartlyLabelled]:
        source, indices = self.data.source("train"), self.labelled_indices()
        first, second = (self.data.training_order(len(source.label), f"unlabelled {k}") for k in (1, 2))
        labelled = self.data.training_order(len(indices), "labelled", updates=len(first))
        return self.data.loader(FewLabels(source, indices), ZipSampler(labelled, first, second))

    def predict_dataloader(self) -> DataLoader[UnlabelledImages]:
        images = self.images_to_classify()
        return self.data.loader(images, self.data.eval_order(len(images.name), 0))

    def images_to_classify(self) -> ToClassify:
        """The pictures in ``predict_folder``, or the test images.

        Raises:
            UserError: for a folder without pictures.
        """
        if self.predict_folder is None:
            test = self.data.source("test")
            names = [str(index) for index in range(len(test.label))]
            return ToClassify(partial(images_in, test), names)
        folder = Path(self.predict_folder)
        paths = Scan([folder]).found[0] if folder.is_dir() else []
        if not paths:
            raise UserError(
                f"predict_folder holds the pictures to classify; got {folder} without pictures. "
                "Set data.init_args.predict_folder, or leave it out to classify the test images."
            )
        decoding = Decoding(self.data.spec.size, self.data.spec.channels, cmyk=self.cmyk)
        files = Files(folder, paths, torch.zeros(len(paths), dtype=torch.int64), decoding)
        return ToClassify(partial(images_in, files), [os.path.relpath(path, folder) for path in paths])

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        if not isinstance(batch, PartlyLabelled):
            return self.data.on_after_batch_transfer(batch, dataloader_idx)
        whole = torch.cat([batch.image[:, None], batch.unlabelled], 1)  # as one batch of ``data``, which may add noise
        image = self.data.on_after_batch_transfer(Labelled(whole, batch.label), dataloader_idx).image
        return PartlyLabelled(image[:, 0], batch.label, image[:, 1:])
