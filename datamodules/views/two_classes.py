"""Two classes of a labelled set as two domains, such as faces without and with glasses, or the digits 3 and 8."""

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


class ClassSubset(LabelledImages):
    """The images of one class of ``source``."""

    def __init__(self, source: LabelledImages, label: int) -> None:
        self.source = source
        self.indices = (source.label == label).nonzero().flatten()
        self.label = source.label[self.indices]

    def images(self, at: SampleIndex) -> Tensor:
        return self.source.images(at._replace(image=self.indices[at.image]))

    def sha256(self) -> str:
        """The hash of all classes; the class is part of the configuration of the data module."""
        return self.source.sha256()

    def names(self) -> list[str] | None:
        names = self.source.names()
        return None if names is None else [names[index] for index in self.indices.tolist()]

    def digests(self) -> list[int]:
        digests = self.source.digests()
        return [digests[index] for index in self.indices.tolist()]


def of_class(source: LabelledImages, label: int) -> LabelledImages:
    """The images of class ``label``, augmented if ``source`` is."""
    chosen = ClassSubset(plain(source), label)
    return Augmented(chosen, source.augmentation) if isinstance(source, Augmented) else chosen


class TwoClasses(TranslationDataModule):
    """Two classes of any labelled set as two unpaired domains.

    It is a translation set, not a :class:`~datamodules.views.base.View`: loaders and scores are those of translation.

    CelebA with ``attributes: [Male]`` has class 0, faces without this attribute, and class 1, faces with it.

    Args:
        data: the labelled set. Splits, augmentation, batch sizes (of each domain) and workers come from it.
        a: the class that is translated.
        b: the class that it is translated to.
        direction: ``b_to_a`` exchanges the two.
        predict_from: of :class:`~datamodules.TranslationDataModule`.
        cmyk: of the same.

    Raises:
        UserError: for data without classes, a class that does not exist, or two equal classes; on ``setup`` for a
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
        spec = with_classes(data.spec, "TwoClasses")
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

    def split_description(self, split: str) -> str:
        own = self.data.protocol is not self.protocol  # the splits of translation follow no protocol
        return super().split_description(split) if own else self.data.split_description(split)

    def load(self, split: str) -> Domains:
        source = self.data.source(split)
        for label in self.classes:
            if not (source.label == label).any():
                raise UserError(
                    f"Each domain has images; got no image of class {label} in the {split} split. "
                    "Set data.init_args.a and data.init_args.b."
                )
        a, b = (of_class(source, label) for label in self.classes)
        return a, b
