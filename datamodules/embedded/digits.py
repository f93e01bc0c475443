"""Scikit-learn's 1,797 handwritten digits: real images, installed with the library, no download.

The digits were scanned at 8x8 with 17 grey levels (Alpaydin & Kaynak 1998); larger sizes are interpolated.
"""

from functools import partial
from typing import Any

import torch
from torch.nn.functional import interpolate

from datamodules.core.augment import Augmented, shifted
from datamodules.core.sources import InMemory, LabelledImages
from datamodules.labelled import LabelledDataModule
from lightning_cgan.batches import ImageSpec
from lightning_cgan.errors import UserError

SIZES = (8, 16, 32)


def split_digits(size: int) -> dict[str, InMemory]:
    """The fixed, stratified splits: 1,097 images to train on, 200 to select checkpoints by, 500 to test on.

    Returns:
        "train", "val" and "test", with images (N, 1, size, size).
    """
    from sklearn.datasets import load_digits  # here, because it takes a second that a wrong key need not wait for
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    label = torch.as_tensor(digits.target, dtype=torch.int64)
    image = torch.as_tensor(digits.images, dtype=torch.float32)[:, None] * (255 / 16)
    if size != 8:
        image = interpolate(image, size=(size, size), mode="bicubic").clamp_(0, 255)
    image = image.round_().to(torch.uint8)
    fitting, test = train_test_split(range(len(label)), test_size=500, random_state=0, stratify=label)
    train, val = train_test_split(fitting, test_size=200, random_state=0, stratify=label[fitting])
    indices = {"train": train, "val": val, "test": test}
    return {split: InMemory(image[sorted(index)], label[sorted(index)]) for split, index in indices.items()}


class Digits(LabelledDataModule):
    """Handwritten digits 0 to 9, one grey channel.

    Args:
        size: 8 (as scanned), 16 or 32.
        shift: largest random shift of training images along each axis, in pixels.
        loading: of :class:`~datamodules.LabelledDataModule`.

    Raises:
        UserError: for another size, or a shift that could move a digit out of the image.
    """

    def __init__(
        self,
        size: int = 16,
        shift: int = 0,
        **loading: Any,
    ) -> None:
        if size not in SIZES:
            raise UserError(
                f"The digits come in sizes {', '.join(map(str, SIZES))}; got {size}. Set data.init_args.size."
            )
        if not 0 <= shift < size // 2:
            raise UserError(
                f"Digits move by less than half their size, {size // 2} pixels; got {shift}. Set data.init_args.shift."
            )
        self.shift = shift
        self.spec = ImageSpec(channels=1, size=size, num_classes=10)
        super().__init__(**loading)

    def load(self, split: str) -> LabelledImages:
        images = split_digits(self.spec.size)[split]
        return Augmented(images, partial(shifted, pixels=self.shift)) if self.shift and split == "train" else images
