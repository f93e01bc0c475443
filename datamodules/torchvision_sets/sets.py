"""Well-known labelled sets through torchvision. Nothing is downloaded unless the user asks for it."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad
from torchvision import datasets

from datamodules.core.sources import InMemory, LabelledImages
from datamodules.core.splits import held_out_by_name
from datamodules.files.image_files import Decoding, class_folders, name_below
from datamodules.folders.class_folders import files_of_classes, same_classes
from datamodules.torchvision_sets.base import Dequantized, TorchvisionSet, at_least_one, resized
from lightning_cgan.batches import ImageSpec
from lightning_cgan.errors import UserError


class CIFAR10(TorchvisionSet):
    """60,000 colour images at 32x32 (Krizhevsky 2009). 1,000 of the training images select checkpoints.

    Args:
        root: folder of torchvision's files.
        download: whether to fetch them where they are missing.
        flip: whether training images are mirrored at random; the projection paper's are not.
        dequantize: whether training images are scaled as ``Dequantized`` says, and not as v/127.5 - 1.
        loading: of :class:`~datamodules.TorchvisionSet`.

    Raises:
        UserError: on ``prepare_data`` if the files are not there.
    """

    archive = datasets.CIFAR10
    folder = datasets.CIFAR10.base_folder
    num_classes: ClassVar[int] = 10

    def __init__(
        self, root: str = "data", download: bool = False, flip: bool = False, dequantize: bool = True, **loading: Any
    ) -> None:
        self.spec = ImageSpec(channels=3, size=32, num_classes=self.num_classes)
        super().__init__(root, download, flip, dequantize, **loading)

    def read(self, split: str) -> tuple[Tensor, Tensor]:
        whole = self.open(train=split != "test")
        image = torch.as_tensor(whole.data).permute(0, 3, 1, 2).contiguous()
        return image, torch.as_tensor(whole.targets, dtype=torch.int64)


class CIFAR100(CIFAR10):
    """CIFAR-10's twin with 100 classes."""

    archive = datasets.CIFAR100
    folder = datasets.CIFAR100.base_folder
    num_classes = 100


class MNIST(TorchvisionSet):
    """70,000 handwritten digits, grey, 28x28 (LeCun et al. 1998). 1,200 of the training images select checkpoints.

    Args:
        root: folder of torchvision's files.
        download: whether to fetch them where they are missing.
        size: 28 as published; 32 with a black border of 2 pixels; any other by bicubic, antialiased interpolation.
        loading: of :class:`~datamodules.TorchvisionSet`.

    Raises:
        UserError: for a size below 1; on ``prepare_data`` if the files are not there.
    """

    archive = datasets.MNIST
    folder = "MNIST/raw"

    def __init__(self, root: str = "data", download: bool = False, size: int = 28, **loading: Any) -> None:
        self.spec = ImageSpec(channels=1, size=at_least_one(size), num_classes=10)
        super().__init__(root, download, **loading)

    def needed(self) -> list[str]:
        names = [f"{part}-{what}-ubyte" for part in ("train", "t10k") for what in ("images-idx3", "labels-idx1")]
        return [f"{self.folder}/{name}" for name in names]

    def read(self, split: str) -> tuple[Tensor, Tensor]:
        whole = self.open(train=split != "test")
        image = whole.data[:, None]
        return pad(image, [2] * 4) if self.spec.size == 32 else resized(image, self.spec.size), whole.targets


class FashionMNIST(MNIST):
    """Zalando's articles of clothing (Xiao et al. 2017), in MNIST's format."""

    archive = datasets.FashionMNIST
    folder = "FashionMNIST/raw"


class SVHN(TorchvisionSet):
    """Street view house numbers, cropped to 32x32 in colour (Netzer et al. 2011): 73,257 to train on, 26,032 to test.

    1,465 of the training images select checkpoints, the same ones with ``extra`` and without.

    Args:
        root: folder of torchvision's files.
        download: whether to fetch them where they are missing.
        extra: whether the 531,131 easier images are trained on too.
        loading: of :class:`~datamodules.TorchvisionSet`.

    Raises:
        UserError: on ``prepare_data`` if the files are not there.
    """

    archive = datasets.SVHN

    def __init__(self, root: str = "data", download: bool = False, extra: bool = False, **loading: Any) -> None:
        self.spec = ImageSpec(channels=3, size=32, num_classes=10)
        super().__init__(root, download, **loading)
        self.used = ("train", "test", "extra") if extra else ("train", "test")

    def needed(self) -> list[str]:
        return [f"{part}_32x32.mat" for part in self.used]

    def calls(self) -> list[dict[str, Any]]:
        return [{"split": part} for part in self.used]

    def read(self, split: str) -> tuple[Tensor, Tensor]:
        whole = self.open(split="test" if split == "test" else "train")
        return svhn_tensors(whole)

    def enlarged(self, images: InMemory) -> InMemory:
        if "extra" not in self.used:
            return images
        image, label = svhn_tensors(self.open(split="extra"))
        return InMemory(torch.cat([images.image, image]), torch.cat([images.label, label]))


def svhn_tensors(whole: datasets.SVHN) -> tuple[Tensor, Tensor]:
    return torch.as_tensor(np.ascontiguousarray(whole.data)), torch.as_tensor(whole.labels)


class STL10(TorchvisionSet):
    """Colour images at 96x96 (Coates et al. 2011): 5,000 to train on and 8,000 to test, and 100,000 without labels.

    2 % of those that are trained on select checkpoints. The images without labels hold other things besides, such as
    bears and buses, yet are measured against the same test images, as usual.

    Args:
        root: folder of torchvision's files.
        download: whether to fetch them where they are missing.
        size: 96 as published; any other by bicubic, antialiased interpolation.
        unlabelled: whether to train on the 100,000, without classes.
        flip: whether training images are mirrored at random.
        loading: of :class:`~datamodules.TorchvisionSet`.

    Raises:
        UserError: for a size below 1; on ``prepare_data`` if the files are not there.
    """

    archive = datasets.STL10
    folder = datasets.STL10.base_folder

    def __init__(
        self,
        root: str = "data",
        download: bool = False,
        size: int = 96,
        unlabelled: bool = False,
        flip: bool = False,
        **loading: Any,
    ) -> None:
        self.spec = ImageSpec(channels=3, size=at_least_one(size), num_classes=0 if unlabelled else 10)
        super().__init__(root, download, flip, **loading)
        self.unlabelled = unlabelled

    def read(self, split: str) -> tuple[Tensor, Tensor]:
        whole = self.open(split="test" if split == "test" else "unlabeled" if self.unlabelled else "train")
        label = torch.as_tensor(whole.labels, dtype=torch.int64)
        image = resized(torch.as_tensor(np.ascontiguousarray(whole.data)), self.spec.size)
        return image, torch.zeros_like(label) if self.unlabelled else label


class ImageNet(Dequantized):
    """ILSVRC 2012 as two folders, ``root/train`` and ``root/val``, with one folder of JPEGs for each class.

    Scores are measured against ``val``, about half of it while training and the others in ``test``, by the name of each
    picture: :func:`datamodules.core.splits.held_out_by_name`. Pictures are decoded
    as :mod:`datamodules.files.decode` says, but for CMYK without a profile, which is taken, because the set holds some.

    Args:
        root: holds ``train`` and ``val``.
        size: of the images, after centre cut and an antialiased bilinear resize.
        num_classes: folders in each.
        num_workers: processes that decode.
        loading: of :class:`~datamodules.LabelledDataModule`.

    Raises:
        UserError: on ``setup`` if a folder is missing, holds other than ``num_classes`` classes, or a class holds no
            pictures or files that are none.
    """

    known_splits = ("train", "val", "test")

    def __init__(
        self,
        root: str = "data/imagenet",
        size: int = 128,
        num_classes: int = 1000,
        num_workers: int = 8,
        **loading: Any,
    ) -> None:
        self.spec = ImageSpec(channels=3, size=at_least_one(size), num_classes=num_classes)
        super().__init__(num_workers=num_workers, **loading)
        self.root = Path(root)

    def load(self, split: str) -> LabelledImages:
        folder = self.root / ("train" if split == "train" else "val")
        names = class_folders(folder)
        if len(names) != self.spec.num_classes:
            raise UserError(
                f"{folder} must hold one folder of images for each of {self.spec.num_classes} classes; "
                f"it has {len(names)}. Set data.init_args.root or data.init_args.num_classes."
            )
        same_classes(folder, self.root / "train")
        decoding = Decoding(self.spec.size, cmyk="plain")
        files = files_of_classes(self.root, [folder / name for name in names], decoding)
        if split == "train":
            return files
        names = [name_below(folder, path) for path in files.path]
        return files.part(held_out_by_name(names, files.label, ("test",), 0.5)["train" if split == "val" else "test"])
