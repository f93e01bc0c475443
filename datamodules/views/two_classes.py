"""Two classes of a labelled set as two domains: faces without glasses and with, the digits 3 and 8."""

from typing import ClassVar

from torch import Tensor

from datamodules.core.augment import Augmented, plain
from datamodules.core.order import SampleIndex
from datamodules.core.sources import LabelledImages
from datamodules.files.decode import CMYK
from datamodules.labelled import LabelledDataModule
from datamodules.translation import Direction, Domains, TranslationDataModule
from lightning_cgan.batches import PairSpec, Unpaired
from lightning_cgan.errors import UserError
from lightning_cgan.interfaces import with_classes


class OfClass(LabelledImages):
    """The images of one class of ``source``."""

    def __init__(self, source: LabelledImages, label: int) -> None:
        self.source = source
        self.place = (source.label == label).nonzero().flatten()
        self.label = source.label[self.place]

    def images(self, at: SampleIndex) -> Tensor:
        return self.source.images(at._replace(image=self.place[at.image]))

    def sha256(self) -> str:
        """That of all classes: the class is in the data module's configuration."""
        return self.source.sha256()

    def names(self) -> list[str] | None:
        names = self.source.names()
        return None if names is None else [names[place] for place in self.place.tolist()]

    def digests(self) -> list[int]:
        digests = self.source.digests()
        return [digests[place] for place in self.place.tolist()]


def of_class(source: LabelledImages, label: int) -> LabelledImages:
    """The images of one class, augmented where ``source`` is."""
    chosen = OfClass(plain(source), label)
    return Augmented(chosen, source.augmentation) if isinstance(source, Augmented) else chosen


class TwoClasses(TranslationDataModule):
    """Any labelled set, seen as the images of one class that are translated to those of another, unpaired.

    CelebA with ``attributes: [Male]`` has the classes 0, the faces without this attribute, and 1, those with it.

    Args:
        data: the labelled set, with its own splits and augmentation. Its ``batch_size`` counts images of each domain.
        a: the class that is translated.
        b: the class that it is translated to.
        direction: ``b_to_a`` changes the two over.
        predict_from: of :class:`~datamodules.TranslationDataModule`.
        cmyk: of the same.

    Raises:
        UserError: for data without classes, a class that does not exist, or twice the same one; on ``setup`` for a
            class without images.
    """

    training_batch: ClassVar[type] = Unpaired

    def __init__(
        self,
        data: LabelledDataModule,
        a: int = 0,
        b: int = 1,
        direction: Direction = Direction.a_to_b,
        predict_from: str | None = None,
        cmyk: CMYK = "profile",
    ) -> None:
        spec = with_classes(data.spec, "A view of two classes")
        if not 0 <= min(a, b) < max(a, b) < spec.num_classes:
            raise UserError(
                f"The domains are two classes from 0 to {spec.num_classes - 1}; got {a} and {b}. "
                "Set data.init_args.a and data.init_args.b."
            )
        self.spec = PairSpec(spec.channels, spec.channels, spec.size)
        super().__init__(data.batch_size, data.evaluation_batch_size, direction, data.num_workers, predict_from, cmyk)
        self.data, self.classes, self.known_splits = data, (a, b), data.known_splits

    def prepare_data(self) -> None:
        self.data.prepare_data()

    def load(self, split: str) -> Domains:
        source = self.data.source(split)
        for label in self.classes:
            if not (source.label == label).any():
                raise UserError(
                    f"Each domain has images; of class {label} there are none in the {split} split. "
                    "Set data.init_args.a and data.init_args.b."
                )
        a, b = (of_class(source, label) for label in self.classes)
        return a, b
