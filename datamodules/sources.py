"""Where labelled images lie, and how a batch of them is fetched."""

import hashlib
from typing import Protocol

import torch
from torch import Tensor

from datamodules.order import Positions
from lightning_cgan import keyed


class LabelledImages(Protocol):
    """A labelled set with random access to whole batches of uint8 images."""

    label: Tensor  # (N,) int64

    def images(self, at: Positions) -> Tensor:
        """Images of any leading shape, (*shape, C, H, W) uint8, augmented if this set is for training."""

    def sha256(self) -> str:
        """A hash of the content."""


class InMemory:
    """Images that fit in memory: (N, C, H, W) uint8 and (N,) labels. A batch is one indexing operation."""

    def __init__(self, image: Tensor, label: Tensor) -> None:
        self.image, self.label = image, label

    def images(self, at: Positions) -> Tensor:
        return self.image[at.image]

    def sha256(self) -> str:
        said = hashlib.sha256(self.image.contiguous().numpy().data)  # in place: a copy of all images may not fit
        said.update(self.label.contiguous().numpy().data)
        return said.hexdigest()


class Joined:
    """Several sets, one after the other.

    Args:
        parts: at least one set.
        most: images, at most; a draw of so many that is the same in every run, in their order. All when None.
    """

    def __init__(self, *parts: LabelledImages, most: int | None = None) -> None:
        self.parts = parts
        label = torch.cat([part.label for part in parts])
        self.place = torch.arange(len(label))
        if most is not None and most < len(label):
            draw = keyed.generator("joined", seed=0)
            self.place = torch.randperm(len(label), generator=draw)[:most].sort().values
        self.label = label[self.place]

    def images(self, at: Positions) -> Tensor:
        place, epoch = self.place[at.image].flatten(), at.epoch.flatten()
        found, order, start = [], [], 0
        for part in self.parts:
            here = ((place >= start) & (place < start + len(part.label))).nonzero().flatten()
            if len(here):
                found.append(part.images(Positions(epoch[here], place[here] - start)))
                order.append(here)
            start += len(part.label)
        if not found:  # no image was asked for
            return self.parts[0].images(at)
        image = torch.cat(found)[torch.cat(order).argsort()]
        return image.unflatten(0, at.image.shape) if at.image.ndim else image[0]

    def at(self, place: Tensor) -> Tensor:
        """The images (*shape, C, H, W) at ``place`` (*shape)."""
        return self.images(Positions(torch.zeros_like(place), place))

    def sha256(self) -> str:
        if len(self.parts) == 1 and len(self.place) == len(self.parts[0].label):
            return self.parts[0].sha256()
        told = "/".join([*(part.sha256() for part in self.parts), str(len(self.place))])
        return hashlib.sha256(told.encode()).hexdigest()
