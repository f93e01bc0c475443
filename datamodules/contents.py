"""Pictures to be repainted: a folder of them to learn on, and those that ``predict`` is given."""

from typing import Any

from torch.utils.data import DataLoader

from datamodules.folders import UnlabelledFolder
from datamodules.labelled import LabelledDataModule
from datamodules.order import EvaluationOrder
from datamodules.own_pictures import OwnPictures
from datamodules.side_decoding import SideDecoding
from datamodules.translation import Named
from lightning_cgan.contract import Sources


def own_pictures(place: str) -> Named:
    """The picture in ``place``, or those below it if it is a folder, in three channels and as large as they are.

    Raises:
        ValueError: if there are none.
    """
    own = OwnPictures(place, SideDecoding(0, 3).native())
    return Named(own, own.name)


def one_by_one(data: LabelledDataModule, pictures: Named) -> DataLoader[Sources]:
    """Loads ``pictures``, which may differ in size, one in a batch."""
    order = EvaluationOrder(0, len(pictures.name), 1, data.trainer.global_rank, data.trainer.world_size)
    return data.loader(pictures, order)  # type: ignore[arg-type]


class ContentFolder(UnlabelledFolder):
    """Pictures without classes, of which style transfer learns what a content is.

    Args:
        root: holds pictures, or folders ``train``, ``val`` and ``test`` of them.
        predict_from: a picture, or a folder of them, that ``predict`` repaints as large as they are; the test pictures,
            cut and resized, when None.
        folder: of :class:`~datamodules.folders.UnlabelledFolder`.

    Raises:
        ValueError: on ``setup`` if there are no pictures, or files that are none.
    """

    def __init__(self, root: str, predict_from: str | None = None, **folder: Any) -> None:
        super().__init__(root, validation_fakes=1, test_fakes=1, **folder)  # nothing is drawn
        self.predict_from = predict_from

    def setup(self, stage: str) -> None:
        if stage == "predict" and self.predict_from:
            self.pictures = own_pictures(self.predict_from)
        else:
            super().setup("test" if stage == "predict" else stage)

    def predict_dataloader(self) -> DataLoader[Sources]:
        if self.predict_from:
            return one_by_one(self, self.pictures)
        source = self.measured("test")
        count = len(source.label)
        return self.loader(Named(source, [f"{number:05d}" for number in range(count)]), self.shared(0, count))
