"""Well-known labelled sets through torchvision. Nothing is downloaded unless the user asks for it."""

import hashlib
from pathlib import Path
from typing import Any, ClassVar

import torch
from sklearn.model_selection import train_test_split
from torch import Tensor
from torchvision import datasets
from torchvision.transforms.v2 import functional as F

from datamodules.augment import Augmented, flipped
from datamodules.labelled import LabelledDataModule
from datamodules.order import Positions
from datamodules.sources import InMemory, LabelledImages
from lightning_cgan import keyed
from lightning_cgan.contract import Draws, ImageSpec, Labelled, Trial


class Dequantized(LabelledDataModule):
    """Training images are x/128 - 1 plus keyed noise from [0, 1/128), as Miyato & Koyama feed them."""

    def on_after_batch_transfer(self, batch: Labelled | Trial | Draws, dataloader_idx: int) -> Labelled | Trial | Draws:
        if not isinstance(batch, Labelled):
            return super().on_after_batch_transfer(batch, dataloader_idx)
        device = batch.image.device
        key = ("dequantize", self.trainer.global_step, self.trainer.global_rank)
        noise = torch.rand(batch.image.shape, device=device, generator=keyed.generator(*key, device=device))
        return batch._replace(image=(batch.image + noise).div_(128).sub_(1))


class CIFAR10(Dequantized):
    """60,000 colour images at 32x32 (Krizhevsky 2009), in memory. 1,000 training images select checkpoints.

    Args:
        root: folder of torchvision's files.
        download: whether to fetch them where they are missing.
        flip: whether training images are mirrored at random; the projection paper's are not.
        loading: of :class:`~datamodules.labelled.LabelledDataModule`.

    Raises:
        ValueError: on ``prepare_data`` if the files are not there.
    """

    archive: ClassVar[type[datasets.CIFAR10]] = datasets.CIFAR10
    num_classes: ClassVar[int] = 10

    def __init__(
        self,
        root: str = "data",
        download: bool = False,
        flip: bool = False,
        **loading: Any,
    ) -> None:
        self.spec = ImageSpec(channels=3, size=32, num_classes=self.num_classes)
        super().__init__(**loading)
        self.root, self.download, self.flip = root, download, flip

    def prepare_data(self) -> None:
        name = self.archive.__name__
        if self.download:
            self.archive(self.root, download=True)
        elif not Path(self.root, self.archive.base_folder).is_dir():
            raise ValueError(
                f"{name} is read from disk; there is no {self.root}/{self.archive.base_folder}. Set data.init_args.root"
                f', or download once: python -c "from torchvision.datasets import {name}; '
                f"{name}('{self.root}', download=True)\""
            )

    def load(self, split: str) -> LabelledImages:
        whole = self.archive(self.root, train=split != "test")
        image = torch.as_tensor(whole.data).permute(0, 3, 1, 2).contiguous()
        label = torch.as_tensor(whole.targets, dtype=torch.int64)
        if split == "test":
            return InMemory(image, label)
        place = held_out(label)[split]
        part = InMemory(image[place], label[place])
        return Augmented(part, flipped) if self.flip and split == "train" else part


class CIFAR100(CIFAR10):
    """CIFAR-10's twin with 100 classes."""

    archive = datasets.CIFAR100
    num_classes = 100


def held_out(label: Tensor, share: float = 0.02) -> dict[str, list[int]]:
    """The fixed, stratified places in a training set that are trained on, and those that select checkpoints."""
    count = max(round(share * len(label)), len(label.unique()))
    train, val = train_test_split(range(len(label)), test_size=count, random_state=0, stratify=label)
    return {"train": sorted(train), "val": sorted(val)}


def class_folders(folder: Path) -> set[str]:
    """The names of the folders in ``folder``, none if it does not exist."""
    return {entry.name for entry in folder.iterdir() if entry.is_dir()} if folder.is_dir() else set()


class Files:
    """Images in a folder for each class, decoded when asked for: short side to ``size``, centre cut, RGB."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder, self.size = folder, size
        samples = datasets.ImageFolder(folder).samples
        self.path = [path for path, _ in samples]
        self.label = torch.tensor([label for _, label in samples])

    def images(self, at: Positions) -> Tensor:
        flat = [self.image(place) for place in at.image.flatten().tolist()]
        empty = torch.empty(0, 3, self.size, self.size, dtype=torch.uint8)
        return (torch.stack(flat) if flat else empty).unflatten(0, at.image.shape)

    def image(self, place: int) -> Tensor:
        picture = datasets.folder.pil_loader(self.path[place])
        picture = F.center_crop(picture, min(picture.size))
        return F.pil_to_tensor(F.resize(picture, [self.size, self.size], antialias=True))

    def sha256(self) -> str:
        """Of names and sizes: reading every file would take as long as an epoch."""
        listing = "".join(f"{Path(p).relative_to(self.folder)} {Path(p).stat().st_size}\n" for p in self.path)
        return hashlib.sha256(listing.encode()).hexdigest()


class ImageNet(Dequantized):
    """ILSVRC 2012 as two folders, ``root/train`` and ``root/val``, with one folder of JPEGs for each class.

    Scores are measured against ``val``, half of it while training and the other half in ``test``.

    Args:
        root: holds ``train`` and ``val``.
        size: of the images, after centre cut and an antialiased bilinear resize.
        num_classes: folders in each.
        num_workers: processes that decode.
        loading: of :class:`~datamodules.labelled.LabelledDataModule`.

    Raises:
        ValueError: on ``setup`` if a folder is missing or holds other than ``num_classes`` classes.
    """

    def __init__(
        self,
        root: str = "data/imagenet",
        size: int = 128,
        num_classes: int = 1000,
        num_workers: int = 8,
        **loading: Any,
    ) -> None:
        self.spec = ImageSpec(channels=3, size=size, num_classes=num_classes)
        super().__init__(num_workers=num_workers, **loading)
        self.root = Path(root)

    def load(self, split: str) -> LabelledImages:
        folder = self.root / ("train" if split == "train" else "val")
        names = class_folders(folder)
        if len(names) != self.spec.num_classes:
            raise ValueError(
                f"{folder} must hold one folder of images for each of {self.spec.num_classes} classes; "
                f"it has {len(names)}. Set data.init_args.root or data.init_args.num_classes."
            )
        if different := names ^ class_folders(self.root / "train"):
            raise ValueError(
                f"{self.root}/train and {self.root}/val must hold folders of the same names, or labels are mixed up; "
                f"{min(different)} is in one only. Set data.init_args.root."
            )
        files = Files(folder, self.spec.size)
        if split != "train":
            place = held_out(files.label, share=0.5)["train" if split == "val" else "val"]
            files.path, files.label = [files.path[p] for p in place], files.label[place]
        return files
