"""Pictures read from files and augmented to train on, with one draw for all that belongs together."""

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
    """Makes what is trained on out of the pictures that belong together, by one draw for all of them."""

    def __call__(self, pictures: Sequence[Tensor], draw: torch.Generator) -> Sequence[Tensor]: ...


class CropFlipJitter(NamedTuple):
    """A square cut at random, mirrored with probability one half, in other colours: alike in all pictures.

    Args:
        size: of the square.
        flip: whether to mirror.
        jitter: brightness, contrast and saturation are each multiplied by a factor from 1 - jitter to 1 + jitter.
        labels: the places of the label maps among the pictures, whose colours stay.
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
            out = [p if place in self.labels else jittered(p, *factors) for place, p in enumerate(out)]
        return out


def jittered(picture: Tensor, brightness: float, contrast: float, saturation: float) -> Tensor:
    """(C, H, W) uint8 with these multiplied, in this order."""
    picture = F.adjust_contrast(F.adjust_brightness(picture, brightness), contrast)
    return F.adjust_saturation(picture, saturation)


class Side(NamedTuple):
    """Where the pictures of one side lie, and how they are read to be trained on."""

    path: Sequence[str]
    decoding: SideDecoding


class Drawn:
    """Batches of what belongs together: the pictures at one place of all ``sides``, with one draw.

    Args:
        sides: equally long; a file that several read is opened once.
        augmentation: makes of their pictures what is trained on.
        purpose: sets of the same purpose draw alike for the same epoch and place, sets of others independently.
    """

    def __init__(self, sides: Sequence[Side], augmentation: JointAugmentation, purpose: str = "augment") -> None:
        self.sides, self.augmentation, self.purpose = sides, augmentation, purpose
        self.latest: tuple[SampleIndex, list[Tensor]] | None = None

    def images(self, at: SampleIndex) -> list[Tensor]:
        """(*shape, C, H, W) of all that the augmentation makes; the latest are kept, for each side asks for them."""
        if self.latest is None or not all(map(torch.equal, self.latest[0], at)):
            self.latest = at, self.read(at)
        return self.latest[1]

    def read(self, at: SampleIndex) -> list[Tensor]:
        draw, drawn = torch.Generator(), []
        for epoch, place in zip(at.epoch.flatten().tolist(), at.image.flatten().tolist(), strict=True):
            draw.manual_seed(keyed.seed_of(self.purpose, epoch, place))
            drawn.append(self.augmentation(self.pictures(place), draw))
        return [torch.stack(side).unflatten(0, at.image.shape) for side in zip(*drawn, strict=True)]

    def pictures(self, place: int) -> list[Tensor]:
        opened: dict[tuple[str, int], Tensor] = {}
        for path, decoding in ((side.path[place], side.decoding) for side in self.sides):
            if (path, decoding.channels) not in opened:
                opened[path, decoding.channels] = decoding.file(path)
        return [d.view(opened[path[place], d.channels]) for path, d in self.sides]


class DrawnSide(Augmented):
    """One side of what is drawn together; ``source`` is the same side as it is measured."""

    def __init__(self, drawn: Drawn, side: int, source: LabelledImages) -> None:
        self.drawn, self.side, self.source, self.label = drawn, side, source, source.label

    def images(self, at: SampleIndex) -> Tensor:
        return self.drawn.images(at)[self.side]
