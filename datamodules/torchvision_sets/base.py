"""What the sets that torchvision reads have in common: files, messages, splits, scaling."""

from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from datamodules.core.augment import Augmented, flipped
from datamodules.core.sources import InMemory, LabelledImages
from datamodules.core.splits import held_out
from datamodules.labelled import LabelledDataModule
from lightning_cgan import keyed
from lightning_cgan.batches import EvalBatch, Labelled, LatentBatch
from lightning_cgan.errors import UserError


class Dequantized(LabelledDataModule):
    """Training images are x/128 - 1 plus keyed noise from [0, 1/128), as Miyato & Koyama feed them."""

    dequantize: bool = True

    def on_after_batch_transfer(
        self, batch: Labelled | EvalBatch | LatentBatch, dataloader_idx: int
    ) -> Labelled | EvalBatch | LatentBatch:
        if not (self.dequantize and isinstance(batch, Labelled)):
            return super().on_after_batch_transfer(batch, dataloader_idx)
        device = batch.image.device
        key = ("dequantize", self.run.global_step, self.run.global_rank)
        noise = torch.rand(batch.image.shape, device=device, generator=keyed.generator(*key, device=device))
        return batch._replace(image=(batch.image + noise).div_(128).sub_(1))


class TorchvisionSet(Dequantized):
    """Base of the sets that torchvision reads, in memory. 2 % of the training images select checkpoints.

    Args:
        root: folder of torchvision's files.
        download: whether to fetch them where they are missing.
        flip: whether training images are mirrored at random.
        dequantize: whether training images are scaled as :class:`Dequantized` says, and not as v/127.5 - 1.
        loading: of :class:`~datamodules.LabelledDataModule`.

    Raises:
        UserError: on ``prepare_data`` if the files are not there, on ``setup`` if they are damaged.
    """

    archive: ClassVar[Any]
    folder: ClassVar[str]

    def __init__(
        self, root: str = "data", download: bool = False, flip: bool = False, dequantize: bool = False, **loading: Any
    ) -> None:
        super().__init__(**loading)
        self.root, self.download, self.flip, self.dequantize = root, download, flip, dequantize

    def needed(self) -> list[str]:
        """The files or folders in ``root`` without which the set is not there."""
        return [self.folder]

    def calls(self) -> list[dict[str, Any]]:
        """The arguments of each call of torchvision that downloads a part."""
        return [{}]

    def read(self, split: str) -> tuple[Tensor, Tensor]:
        """(N, C, H, W) uint8 and (N,) int64: all training images, those held out included, or the test images."""
        raise NotImplementedError

    def prepare_data(self) -> None:
        missing = [name for name in self.needed() if not Path(self.root, name).exists()]
        if self.download:
            for which in self.calls():
                self.archive(self.root, **which, download=True)
        elif missing:
            raise UserError(
                f"{self.archive.__name__} is read from disk; there is no {self.root}/{missing[0]}. "
                f"Set data.init_args.root, or download once: {self.command()}"
            )

    def command(self) -> str:
        """What downloads the set, in a shell."""
        name = self.archive.__name__
        given = [{"root": self.root, **which, "download": True} for which in self.calls()]
        calls = [", ".join(f"{key}={value!r}" for key, value in one.items()).removeprefix("root=") for one in given]
        called = "; ".join(f"{name}({call})" for call in calls)
        return f'python -c "from torchvision.datasets import {name}; {called}"'

    def open(self, **which: Any) -> Any:
        """Torchvision's data set, with the checksums of its files compared where torchvision knows them.

        Raises:
            UserError: if a file is missing or another one than was published.
        """
        try:
            return self.archive(self.root, **which)
        except RuntimeError as error:
            raise UserError(
                f"{self.archive.__name__} in {self.root} is incomplete or damaged: {error}. "
                f"Set data.init_args.root, or remove its files and download again: {self.command()}"
            ) from error

    def load(self, split: str) -> LabelledImages:
        image, label = self.read(split)
        if split == "test":
            return InMemory(image, label)
        place = held_out(label)[split]
        images = InMemory(image[place], label[place])
        if split == "val":
            return images
        images = self.enlarged(images)
        return Augmented(images, flipped) if self.flip else images

    def enlarged(self, images: InMemory) -> InMemory:
        """``images`` and any others that are only trained on."""
        return images


def at_least_one(size: int) -> int:
    if size < 1:
        raise UserError(f"Images have at least one pixel; got size {size}. Set data.init_args.size.")
    return size


def resized(image: Tensor, size: int) -> Tensor:
    """(N, C, H, W) uint8 to (N, C, size, size) uint8 by bicubic, antialiased interpolation."""
    if image.shape[-1] == size:
        return image
    parts = (interpolate(part.float(), (size, size), mode="bicubic", antialias=True) for part in image.split(1_000))
    return torch.cat([part.round_().clamp_(0, 255).to(torch.uint8) for part in parts])
