"""Where labelled images lie, and how a batch of them is fetched."""

import hashlib

import torch
from torch import Tensor

from datamodules.core.order import SampleIndex
from datamodules.core.splits import in_order_of_numbers
from lightning_cgan import keyed


class LabelledImages:
    """A labelled set with random access to whole batches of uint8 images."""

    label: Tensor  # (N,) int64

    def images(self, at: SampleIndex) -> Tensor:
        """Images of any leading shape, (*shape, C, H, W) uint8, augmented if this set is for training."""
        raise NotImplementedError

    def sha256(self) -> str:
        """A hash of the content."""
        raise NotImplementedError

    def names(self) -> list[str] | None:
        """What each image is called in a set whose images may come and go; None where they do not."""
        return None

    def digests(self) -> list[int]:
        """A hash of the content of each image, of 63 bits, where there are names."""
        raise NotImplementedError


class InMemory(LabelledImages):
    """Images that fit in memory: (N, C, H, W) uint8 and (N,) labels. A batch is one indexing operation."""

    def __init__(self, image: Tensor, label: Tensor) -> None:
        self.image, self.label = image, label

    def images(self, at: SampleIndex) -> Tensor:
        return self.image[at.image]

    def sha256(self) -> str:
        said = hashlib.sha256(self.image.contiguous().numpy().data)  # in place: a copy of all images may not fit
        said.update(self.label.contiguous().numpy().data)
        return said.hexdigest()


class ConcatSource(LabelledImages):
    """Several sets, one after the other.

    Args:
        parts: at least one set.
        most: images, at most; a draw of so many that is the same in every run, in their order. All when None. Where
            images have names it is by name, so that few change places when others come or go.
    """

    def __init__(self, *parts: LabelledImages, most: int | None = None) -> None:
        self.parts = parts
        label = torch.cat([part.label for part in parts])
        self.place = torch.arange(len(label))
        if most is not None and most < len(label):
            self.place = self.drawn(most).sort().values
        self.label = label[self.place]

    def drawn(self, most: int) -> Tensor:
        """The places of ``most`` images."""
        if (names := self.names()) is not None:
            return torch.tensor(in_order_of_numbers(names, range(len(names)), "joined")[:most])
        return torch.randperm(len(self.place), generator=keyed.generator("joined", seed=0))[:most]

    def names(self) -> list[str] | None:
        names = [part.names() for part in self.parts]
        together = [name for part in names for name in part or ()]
        return None if None in names else [together[place] for place in self.place.tolist()]

    def digests(self) -> list[int]:
        together = [digest for part in self.parts for digest in part.digests()]
        return [together[place] for place in self.place.tolist()]

    def images(self, at: SampleIndex) -> Tensor:
        place, epoch = self.place[at.image].flatten(), at.epoch.flatten()
        found, order, start = [], [], 0
        for part in self.parts:
            here = ((place >= start) & (place < start + len(part.label))).nonzero().flatten()
            if len(here):
                found.append(part.images(SampleIndex(epoch[here], place[here] - start)))
                order.append(here)
            start += len(part.label)
        if not found:  # no image was asked for
            return self.parts[0].images(at)
        image = torch.cat(found)[torch.cat(order).argsort()]
        return image.unflatten(0, at.image.shape) if at.image.ndim else image[0]

    def at(self, place: Tensor) -> Tensor:
        """The images (*shape, C, H, W) at ``place`` (*shape)."""
        return self.images(SampleIndex(torch.zeros_like(place), place))

    def sha256(self) -> str:
        if len(self.parts) == 1 and len(self.place) == len(self.parts[0].label):
            return self.parts[0].sha256()
        told = "/".join([*(part.sha256() for part in self.parts), str(len(self.place))])
        return hashlib.sha256(told.encode()).hexdigest()
