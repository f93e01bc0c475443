"""Joint augmentation of pictures that belong together, such as the two of a pair, read from files."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from datamodules.core.augment import Augmented
from datamodules.core.order import SampleIndex
from datamodules.core.sources import LabelledImages
from datamodules.files.side_decoding import SideDecoding
from lightning_cgan import keyed


class JointAugmentation(Protocol):
    """Maps pictures that belong together to training images, with shared random draws."""

    def __call__(self, pictures: Sequence[Tensor], draw: torch.Generator) -> Sequence[Tensor]: ...


class CropFlipJitter(NamedTuple):
    """A random square crop, mirrored with probability 1/2, with colour jitter; the same in all pictures.

    Args:
        size: of the crop.
        flip: whether to mirror.
        jitter: brightness, contrast and saturation are each multiplied by a factor from 1 - jitter to 1 + jitter.
        labels: the positions of label maps among the pictures; their colours are not changed.
    """

    size: int
    flip: bool = False
    jitter: float = 0
    labels: tuple[int, ...] = ()

    def __call__(self, pictures: Sequence[Tensor], draw: torch.Generator) -> list[Tensor]:
        height, width = pictures[0].shape[-2:]
        top = int(torch.randint(height - self.size + 1, (), generator=draw))
        left = int(torch.randint(width - self.size + 1, (), generator=draw))
        out = [picture[..., top : top + self.size, left : left + self.size] for picture in pictures]
        if self.flip and torch.rand((), generator=draw) < 0.5:
            out = [picture.flip(-1) for picture in out]
        if self.jitter:
            factors = (1 + self.jitter * (2 * torch.rand(3, generator=draw) - 1)).tolist()
            out = [p if number in self.labels else jittered(p, *factors) for number, p in enumerate(out)]
        return out


def jittered(picture: Tensor, brightness: float, contrast: float, saturation: float) -> Tensor:
    """``picture`` (C, H, W) uint8 with these factors applied, in this order."""
    picture = F.adjust_contrast(F.adjust_brightness(picture, brightness), contrast)
    return F.adjust_saturation(picture, saturation)


class SideFiles(NamedTuple):
    """The files of one side, and their decoding for training."""

    path: Sequence[str]
    decoding: SideDecoding


class JointBatches:
    """Batches of pictures that belong together: those at one index of all ``sides``, augmented jointly.

    Args:
        sides: equally long; a file that several sides read is opened once.
        augmentation: of the pictures at one index.
        purpose: key of the random draws; equal for equal (purpose, epoch, index), else independent.
    """

    def __init__(self, sides: Sequence[SideFiles], augmentation: JointAugmentation, purpose: str = "augment") -> None:
        self.sides, self.augmentation, self.purpose = sides, augmentation, purpose
        self.latest: tuple[SampleIndex, list[Tensor]] | None = None

    def images(self, at: SampleIndex) -> list[Tensor]:
        """All outputs of the augmentation, (*shape, C, H, W); the last result is cached, because each side reads it."""
        if self.latest is None or not all(map(torch.equal, self.latest[0], at)):
            self.latest = at, self.read(at)
        return self.latest[1]

    def read(self, at: SampleIndex) -> list[Tensor]:
        draw, augmented = torch.Generator(), []
        for epoch, index in zip(at.epoch.flatten().tolist(), at.image.flatten().tolist(), strict=True):
            draw.manual_seed(keyed.seed_of(self.purpose, epoch, index))
            augmented.append(self.augmentation(self.pictures(index), draw))
        return [torch.stack(side).unflatten(0, at.image.shape) for side in zip(*augmented, strict=True)]

    def pictures(self, index: int) -> list[Tensor]:
        """The decoded pictures at ``index``, one for each side."""
        opened: dict[tuple[str, int], Tensor] = {}
        for path, decoding in ((side.path[index], side.decoding) for side in self.sides):
            if (path, decoding.channels) not in opened:
                opened[path, decoding.channels] = decoding.file(path)
        return [d.view(opened[path[index], d.channels]) for path, d in self.sides]


class JointSide(Augmented):
    """One side of jointly augmented batches; ``source`` is the same side without augmentation."""

    def __init__(self, joint: JointBatches, side: int, source: LabelledImages) -> None:
        self.joint, self.side, self.source, self.label = joint, side, source, source.label

    def images(self, at: SampleIndex) -> Tensor:
        return self.joint.images(at)[self.side]
