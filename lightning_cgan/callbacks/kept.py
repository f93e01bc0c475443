"""Generated images that are needed once more after they have been scored."""

import torch
from torch import Tensor
from torchmetrics.utilities.distributed import gather_all_tensors

from lightning_cgan.contract import to_bytes


class Kept:
    """The first generated images of an evaluation, over all processes together.

    Args:
        room: images that are kept, about; all when None.
    """

    def __init__(self, room: int | None) -> None:
        self.room = room
        self.images: list[Tensor] = []
        self.at: list[Tensor] = []

    def add(self, number: int, fake: Tensor, world: int) -> None:
        """Take in the images (K, C, H, W) in [-1, 1] of this process' batch ``number``."""
        if self.room is None or number * world * max(len(fake), 1) < self.room:
            self.images.append(to_bytes(fake).cpu())
            self.at.append(torch.full((len(fake),), number))

    def gather(self, device: torch.device, rank: int, world: int) -> Tensor:
        """(M, C, H, W) uint8, in the order of the scored features, in every process; (0,) where nothing was kept."""
        if not self.images:
            return torch.zeros(0, dtype=torch.uint8)
        image, at = torch.cat(self.images), torch.cat(self.at) * world + rank
        if world == 1:
            return image
        image, at = (torch.cat(gather_all_tensors(part.to(device))).cpu() for part in (image, at))
        present = at.unique()
        at = at.masked_fill(at >= unbroken(present), len(at) + world)  # beyond a batch that is not here
        order = at.argsort(stable=True)
        return image[order][: int((at <= len(at)).sum())]


def unbroken(numbers: Tensor) -> int:
    """How many of the sorted ``numbers`` are 0, 1, 2, … without a gap."""
    return int((numbers == torch.arange(len(numbers))).cumprod(0).sum())
