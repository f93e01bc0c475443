"""Pictures to be repainted: a folder of them to learn on, and those that ``predict`` is given."""

from typing import Any

from torch.utils.data import DataLoader

from datamodules.core.order import EvaluationOrder
from datamodules.files.decode import CMYK
from datamodules.files.predict_images import PredictFiles
from datamodules.files.side_decoding import SideDecoding
from datamodules.folders.class_folders import UnlabelledFolder
from datamodules.labelled import LabelledDataModule
from datamodules.translation import PredictDataset
from lightning_cgan.batches import SourceImages


def own_pictures(place: str, cmyk: CMYK) -> PredictDataset:
    """The picture in ``place``, or those below it if it is a folder, in three channels and as large as they are.

    Raises:
        UserError: if there are none.
    """
    own = PredictFiles(place, SideDecoding(0, 3, cmyk=cmyk).native())
    return PredictDataset(own, own.name)


def one_by_one(data: LabelledDataModule, pictures: PredictDataset) -> DataLoader[SourceImages]:
    """Loads ``pictures``, which may differ in size, one in a batch."""
    order = EvaluationOrder(0, len(pictures.name), 1, data.run.global_rank, data.run.world_size)
    return data.loader(pictures, order)  # type: ignore[arg-type]


class StyleContentFolder(UnlabelledFolder):
    """Pictures without classes, of which style transfer learns what a content is.

    Args:
        root: holds pictures, or folders ``train``, ``val`` and ``test`` of them.
        predict_from: a picture, or a folder of them, that ``predict`` repaints as large as they are; the test pictures,
            cut and resized, when None.
        folder: of :class:`~datamodules.UnlabelledFolder`.

    Raises:
        UserError: on ``setup`` if there are no pictures, or files that are none.
    """

    def __init__(self, root: str, predict_from: str | None = None, **folder: Any) -> None:
        super().__init__(root, validation_fakes=1, test_fakes=1, **folder)  # nothing is drawn
        self.predict_from = predict_from

    def setup(self, stage: str) -> None:
        if stage == "predict" and self.predict_from:
            self.pictures()  # the set itself need not be there
        else:
            super().setup("test" if stage == "predict" else stage)

    def pictures(self) -> PredictDataset:
        """What ``predict`` repaints."""
        if self.predict_from:
            return own_pictures(self.predict_from, self.decoding.cmyk)
        source = self.eval_source("test")
        return PredictDataset(source, [f"{number:05d}" for number in range(len(source.label))])

    def predict_dataloader(self) -> DataLoader[SourceImages]:
        pictures = self.pictures()
        if self.predict_from:
            return one_by_one(self, pictures)
        return self.loader(pictures, self.eval_order(0, len(pictures.name)))
