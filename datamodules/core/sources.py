"""Sources of labelled images with random access to whole batches."""

import hashlib

import torch
from torch import Tensor

from datamodules.core.order import SampleIndex
from datamodules.core.splits import in_order_of_numbers
from lightning_cgan import keyed


class LabelledImages:
    """Base class: a labelled set with random access to batches of uint8 images."""

    label: Tensor  # (N,) int64

    def images(self, at: SampleIndex) -> Tensor:
        """The images at indices of any shape, (*shape, C, H, W) uint8; augmented if this set is for training."""
        raise NotImplementedError

    def sha256(self) -> str:
        """A hash of the content."""
        raise NotImplementedError

    def names(self) -> list[str] | None:
        """The name of each image, in a set whose images may be added or removed; None in a fixed set."""
        return None

    def digests(self) -> list[int]:
        """A 63-bit hash of the content of each image; only for sets with names."""
        raise NotImplementedError


class InMemory(LabelledImages):
    """Images in memory, (N, C, H, W) uint8, with (N,) labels. Reading a batch is one indexing operation."""

    def __init__(self, image: Tensor, label: Tensor) -> None:
        self.image, self.label = image, label

    def images(self, at: SampleIndex) -> Tensor:
        return self.image[at.image]

    def sha256(self) -> str:
        digest = hashlib.sha256(self.image.contiguous().numpy().data)  # no copy: two sets of images may not fit
        digest.update(self.label.contiguous().numpy().data)
        return digest.hexdigest()


class ConcatSource(LabelledImages):
    """Several sets concatenated.

    Args:
        parts: at least one set.
        most: largest number of images; all when None. A larger set is subsampled, the same in every run and in its
            order; by name if images have names, so that adding or removing images changes few of the others.
    """

    def __init__(self, *parts: LabelledImages, most: int | None = None) -> None:
        self.parts = parts
        label = torch.cat([part.label for part in parts])
        self.indices = torch.arange(len(label))
        if most is not None and most < len(label):
            self.indices = self.subsample(most).sort().values
        self.label = label[self.indices]

    def subsample(self, most: int) -> Tensor:
        """The indices of ``most`` images."""
        if (names := self.names()) is not None:
            return torch.tensor(in_order_of_numbers(names, range(len(names)), "joined")[:most])
        return torch.randperm(len(self.indices), generator=keyed.generator("joined", seed=0))[:most]

    def names(self) -> list[str] | None:
        names = [part.names() for part in self.parts]
        together = [name for part in names for name in part or ()]
        return None if None in names else [together[index] for index in self.indices.tolist()]

    def digests(self) -> list[int]:
        together = [digest for part in self.parts for digest in part.digests()]
        return [together[index] for index in self.indices.tolist()]

    def images(self, at: SampleIndex) -> Tensor:
        index, epoch = self.indices[at.image].flatten(), at.epoch.flatten()
        found, order, start = [], [], 0
        for part in self.parts:
            here = ((index >= start) & (index < start + len(part.label))).nonzero().flatten()
            if len(here):
                found.append(part.images(SampleIndex(epoch[here], index[here] - start)))
                order.append(here)
            start += len(part.label)
        if not found:  # no image was asked for
            return self.parts[0].images(at)
        image = torch.cat(found)[torch.cat(order).argsort()]
        return image.unflatten(0, at.image.shape) if at.image.ndim else image[0]

    def at(self, index: Tensor) -> Tensor:
        """The images (*shape, C, H, W) at ``index`` (*shape), in epoch 0."""
        return self.images(SampleIndex(torch.zeros_like(index), index))

    def sha256(self) -> str:
        if len(self.parts) == 1 and len(self.indices) == len(self.parts[0].label):
            return self.parts[0].sha256()
        text = "/".join([*(part.sha256() for part in self.parts), str(len(self.indices))])
        return hashlib.sha256(text.encode()).hexdigest()
