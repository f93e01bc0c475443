"""The pool of past generated images. Shrivastava et al. 2017, Section 2.3, with the rules of CycleGAN's code."""

from typing import Any

import torch
from torch import Tensor, distributed

from lightning_cgan import keyed
from lightning_cgan.errors import UserError


class ImagePool:
    """Shows a discriminator generated images of earlier updates among the new ones.

    While it is not full, every new image is kept and shown. After that each new image is either shown itself or, with
    probability one half, put in the place of a random image of the pool, which is shown instead.

    A run has one pool, whatever its number of processes: each holds the same images, is told of the new images of all
    in the order in which one process would make them, and shows its own share. So what the first process writes into
    a checkpoint is every process' pool, and a run may go on with another number of processes. It is not a module: DDP
    would send a module's buffers at every update.

    Args:
        size: images kept. With 0 every new image is shown and none is kept.
        name: keys the draws, so that two pools of a run draw independently.

    Raises:
        UserError: for a size below 0.
    """

    def __init__(self, size: int, name: str) -> None:
        if size < 0:
            raise UserError(f"A pool holds 0 images or more; met {size}. Set model.init_args.pool_size.")
        self.size, self.name = size, name
        self.images: list[Tensor] = []  # (C, H, W) each

    @torch.no_grad()
    def query(self, fake: Tensor, update: int) -> Tensor:
        """(B, C, H, W) to show for the new ``fake`` (B, C, H, W) of generator update ``update``, without gradient.

        In a run of several processes all must ask together, with equally many images.
        """
        if not self.size:
            return fake.detach()
        rank, world = place()
        query = of_all(fake, world).clone()
        draw = keyed.generator("pool", self.name, update)
        for at, image in enumerate(query.unbind()):
            if len(self.images) < self.size:
                self.images.append(image.clone())
            elif torch.rand((), generator=draw) < 0.5:
                out = int(torch.randint(self.size, (), generator=draw))
                kept, self.images[out] = self.images[out], image.clone()
                query[at] = kept
        return query[rank::world]

    def state_dict(self) -> dict[str, Any]:
        return {"images": list(self.images)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.images = [image.clone() for image in state["images"]]  # no longer mapped from a file


def place() -> tuple[int, int]:
    """The number of this process, and of all."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def of_all(image: Tensor, world: int) -> Tensor:
    """(B, C, H, W) of this process to (B * world, C, H, W) of all: process r has every ``world``-th from r on."""
    if world == 1:
        return image
    parts = [torch.empty_like(image, memory_format=torch.contiguous_format) for _ in range(world)]
    distributed.all_gather(parts, image.contiguous())
    return torch.stack(parts, 1).flatten(0, 1)
