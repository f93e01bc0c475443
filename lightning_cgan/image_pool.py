"""Replay pool of generated images. Shrivastava et al. 2017, Section 2.3, with the rules of CycleGAN's code."""

from typing import Any

import torch
from torch import Tensor, distributed

from lightning_cgan import keyed
from lightning_cgan.errors import UserError


class ImagePool:
    """Pool that replaces some of the newly generated images by images of earlier updates, for a discriminator.

    Until the pool is full, every new image is stored and returned. After that each new image is returned itself or,
    with probability 1/2, swapped with a random image of the pool, which is returned instead.

    With several processes there is still one pool: every process stores the same images, gathers the new images of all
    processes in the order in which a single process would generate them, and returns its own share. So the pool that
    rank 0 writes to a checkpoint is the pool of every process, and a run can be resumed with another number of
    processes. The pool is not a module, because DDP would broadcast its buffers at every update.

    Args:
        size: largest number of images in the pool. With 0 every new image is returned and none is stored.
        name: keys the random draws, so two pools of a run draw independently.

    Raises:
        UserError: for a size below 0.
    """

    def __init__(self, size: int, name: str) -> None:
        if size < 0:
            raise UserError(f"A pool holds 0 images or more; got {size}. Set model.init_args.pool_size.")
        self.size, self.name = size, name
        self.images: list[Tensor] = []  # (C, H, W) each

    @torch.no_grad()
    def query(self, fake: Tensor, update: int) -> Tensor:
        """Images (B, C, H, W) for the discriminator in place of ``fake`` (B, C, H, W), detached.

        With several processes it is a collective call: all must make it, with equally many images.

        Args:
            fake: new images of this process.
            update: number of the generator update, which keys the random draws.
        """
        if not self.size:
            return fake.detach()
        rank, world = rank_and_world_size()
        output = gather_images(fake, world).clone()
        draw = keyed.generator("pool", self.name, update)
        for at, image in enumerate(output.unbind()):
            if len(self.images) < self.size:
                self.images.append(image.clone())
            elif torch.rand((), generator=draw) < 0.5:
                slot = int(torch.randint(self.size, (), generator=draw))
                stored, self.images[slot] = self.images[slot], image.clone()
                output[at] = stored
        return output[rank::world]

    def state_dict(self) -> dict[str, Any]:
        return {"images": list(self.images)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.images = [image.clone() for image in state["images"]]  # independent of the memory-mapped checkpoint


def rank_and_world_size() -> tuple[int, int]:
    """Rank of this process and number of processes; (0, 1) without ``torch.distributed``."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def gather_images(image: Tensor, world: int) -> Tensor:
    """Images (B * world, C, H, W) of all processes from ``image`` (B, C, H, W) of each, interleaved.

    Rank r contributes entries r, r + world, r + 2 * world, ...
    """
    if world == 1:
        return image
    parts = [torch.empty_like(image, memory_format=torch.contiguous_format) for _ in range(world)]
    distributed.all_gather(parts, image.contiguous())
    return torch.stack(parts, 1).flatten(0, 1)
