"""Content pictures for style transfer: a folder to train on, and pictures for ``predict``."""

from typing import Any

from torch.utils.data import DataLoader

from datamodules.files.decode import CMYK
from datamodules.files.predict_images import PredictFiles
from datamodules.files.side_decoding import SideDecoding
from datamodules.folders.class_folders import UnlabelledFolder
from datamodules.labelled import LabelledDataModule
from datamodules.translation import PredictDataset
from lightning_cgan.batches import SourceImages


def content_images(place: str, cmyk: CMYK) -> PredictDataset:
    """The picture at path ``place``, or all below it if it is a folder, in three channels and at their own size.

    Raises:
        UserError: if there are none.
    """
    files = PredictFiles(place, SideDecoding(0, 3, cmyk=cmyk).native())
    return PredictDataset(files, files.name)


def one_by_one(data: LabelledDataModule, images: PredictDataset) -> DataLoader[SourceImages]:
    """Loads ``images``, which may differ in size, one in a batch."""
    return data.loader(images, data.eval_order(0, len(images.name), 1))


class StyleContentFolder(UnlabelledFolder):
    """A folder of pictures without classes, as content images of style transfer.

    Args:
        root: holds pictures, or folders ``train``, ``val`` and ``test`` of them.
        predict_from: a picture, or a folder of pictures, that ``predict`` stylises at their own size; the test
            pictures, cropped and resized, when None.
        folder: of :class:`~datamodules.UnlabelledFolder`.

    Raises:
        UserError: on ``setup`` if there are no pictures, or files that are not pictures.
    """

    def __init__(self, root: str, predict_from: str | None = None, **folder: Any) -> None:
        super().__init__(root, validation_fakes=1, test_fakes=1, **folder)  # nothing is generated
        self.predict_from = predict_from

    def setup(self, stage: str) -> None:
        if stage == "predict" and self.predict_from:
            self.predict_images()  # the set itself need not be there
        else:
            super().setup("test" if stage == "predict" else stage)

    def predict_images(self) -> PredictDataset:
        """The images that ``predict`` stylises."""
        if self.predict_from:
            return content_images(self.predict_from, self.decoding.cmyk)
        source = self.eval_source("test")
        return PredictDataset(source, [f"{number:05d}" for number in range(len(source.label))])

    def predict_dataloader(self) -> DataLoader[SourceImages]:
        images = self.predict_images()
        if self.predict_from:
            return one_by_one(self, images)
        return self.loader(images, self.eval_order(0, len(images.name)))
