"""Augmentation of training images, with random draws keyed by (seed, epoch, index), independent of worker and order."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import pad

from datamodules.core.order import SampleIndex
from datamodules.core.sources import LabelledImages
from lightning_cgan import keyed

Augmentation = Callable[[Tensor, torch.Generator], Tensor]


def flipped(image: Tensor, draw: torch.Generator) -> Tensor:
    """``image`` (C, H, W), mirrored left to right with probability 1/2."""
    return image.flip(-1) if torch.rand((), generator=draw) < 0.5 else image


def shifted(image: Tensor, draw: torch.Generator, pixels: int) -> Tensor:
    """``image`` (C, H, W), shifted by up to ``pixels`` along each axis and padded with black."""
    x, y = torch.randint(2 * pixels + 1, (2,), generator=draw).tolist()
    height, width = image.shape[-2:]
    return pad(image, [pixels] * 4)[..., y : y + height, x : x + width]


class Augmented(LabelledImages):
    """The images of ``source``, with ``augmentation`` applied on reading."""

    def __init__(self, source: LabelledImages, augmentation: Augmentation) -> None:
        self.source, self.augmentation = source, augmentation
        self.label = source.label

    def images(self, at: SampleIndex) -> Tensor:
        image = self.source.images(at)
        draw = torch.Generator()
        each = zip(image.flatten(0, -4), at.epoch.flatten().tolist(), at.image.flatten().tolist(), strict=True)
        changed = [
            self.augmentation(one, draw.manual_seed(keyed.seed_of("augment", epoch, index)))
            for one, epoch, index in each
        ]
        return torch.stack(changed).view_as(image)

    def sha256(self) -> str:
        return self.source.sha256()

    def names(self) -> list[str] | None:
        return self.source.names()

    def digests(self) -> list[int]:
        return self.source.digests()


def plain(source: LabelledImages) -> LabelledImages:
    """``source`` without augmentation, as evaluation uses it."""
    return source.source if isinstance(source, Augmented) else source
