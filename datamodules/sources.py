"""Where labelled images lie, and how a batch of them is fetched."""

import hashlib
from typing import Protocol

from torch import Tensor

from datamodules.order import Positions


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
        return hashlib.sha256(self.image.numpy().tobytes() + self.label.numpy().tobytes()).hexdigest()
