"""A buffer of the generated images of an evaluation, for scores that need the images themselves."""

import torch
from torch import Tensor
from torchmetrics.utilities.distributed import gather_all_tensors

from lightning_cgan.batches import to_bytes


class GeneratedImageBuffer:
    """The first generated images of an evaluation, over all processes together.

    Args:
        room: the approximate number of images kept; all when None.
    """

    def __init__(self, room: int | None) -> None:
        self.room = room
        self.images: list[Tensor] = []  # of the first batches without a gap: image i belongs to feature i
        self.at: list[Tensor] = []
        self.closed = False

    def add(self, number: int, fake: Tensor, world: int) -> None:
        """Add the images (K, C, H, W) in [-1, 1] of this process's batch ``number``; every batch, in order."""
        self.closed |= self.room is not None and sum(map(len, self.images)) * world >= self.room
        if not self.closed:
            self.images.append(to_bytes(fake).cpu())
            self.at.append(torch.full((len(fake),), number))

    def gather(self, device: torch.device, rank: int, world: int) -> Tensor:
        """(M, C, H, W) uint8 of all processes in the order of the features; (0,) without images or of several sizes."""
        if not self.images or not self.alike(device, world):
            return torch.zeros(0, dtype=torch.uint8)
        image, at = torch.cat(self.images), torch.cat(self.at) * world + rank
        if world == 1:
            return image
        batches = torch.tensor([len(self.images)])  # processes may have kept different numbers of batches
        image, at, batches = (torch.cat(gather_all_tensors(part.to(device))).cpu() for part in (image, at, batches))
        order = at.argsort(stable=True)
        return image[order][: int((at < batches.min() * world).sum())]

    def alike(self, device: torch.device, world: int) -> bool:
        """Whether the images of all processes have one size."""
        shapes = self.shapes()
        if world > 1:
            shapes = torch.cat(gather_all_tensors(shapes.to(device)))
        return len(shapes.unique(dim=0)) <= 1

    def shapes(self) -> Tensor:
        """(n, 3) the channels, height and width of each batch that holds images."""
        return torch.tensor([image.shape[1:] for image in self.images if len(image)], dtype=torch.int64).view(-1, 3)
