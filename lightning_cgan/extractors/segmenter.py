"""A small segmentation network, its training, and the segmenters and features that scores are computed with."""

from collections.abc import Callable
from importlib.resources import as_file, files
from itertools import pairwise
from pathlib import Path

import torch
from lightning.pytorch.cli import OptimizerCallable
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy, interpolate, pad
from torch.optim import AdamW

from lightning_cgan.batches import EvalOutput, Paired, PairSpec, SourceImages, to_bytes, to_signed
from lightning_cgan.errors import UserError
from lightning_cgan.extractors.digits import ClassifierOutput, convolution
from lightning_cgan.extractors.extractors import Extractor, without_classes, without_tf32
from lightning_cgan.extractors.training import NetworkTraining
from lightning_cgan.extractors.weights_registry import sha256_of
from lightning_cgan.interfaces import data_facts

LEVELS = 4  # of resolution, each half the one before
PIXELS = 2**21  # segmented at a time


class SegmenterNetwork(nn.Module):
    """Images (B, C, H, W) in [-1, 1] of any size to logits (B, classes, H, W): fully convolutional.

    A small U-Net (Ronneberger et al. 2015): two convolutions at each of four resolutions, and one at each on the way
    up, with skip connections. Channels double down to the third resolution.

    Args:
        channels: of the images.
        classes: of pixels.
        width: channels at full size.
    """

    def __init__(self, channels: int = 3, classes: int = 10, width: int = 16) -> None:
        super().__init__()
        self.channels = channels
        widths = [width * min(2**level, 4) for level in range(LEVELS)]
        before = [channels, *widths[:-1]]
        self.down = nn.ModuleList(
            nn.Sequential(*convolution(first, then), *convolution(then, then))
            for first, then in zip(before, widths, strict=True)
        )
        self.up = nn.ModuleList(nn.Sequential(*convolution(a + b, a)) for a, b in pairwise(widths))
        self.head = nn.Conv2d(width, classes, 1)

    def levels(self, image: Tensor) -> list[Tensor]:
        """The features at each resolution, the finest (B, width, H', W') first; its sides are multiples of 8."""
        features = [padded(image, 2 ** (LEVELS - 1))]
        for level, step in enumerate(self.down):
            features.append(step(avg_pool2d(features[-1], 2) if level else features[-1]))
        return features[1:]

    def forward(self, image: Tensor) -> Tensor:
        *finer, x = self.levels(image)
        for level in reversed(range(LEVELS - 1)):
            x = self.up[level](torch.cat([finer[level], interpolate(x, scale_factor=2.0, mode="nearest")], 1))
        return self.head(x)[..., : image.shape[-2], : image.shape[-1]]


def padded(image: Tensor, multiple: int) -> Tensor:
    """(B, C, H, W) padded by its last rows and columns until both sides are multiples of ``multiple``."""
    right, below = -image.shape[-1] % multiple, -image.shape[-2] % multiple
    return pad(image, (0, right, 0, below), mode="replicate") if right or below else image


class Segmenter(nn.Module):
    """uint8 images (B, C, H, W) to logits (B, classes, H, W).

    Attributes:
        name: on the evaluation card.
        sha256: of the weights file.
        classes: the number of colours of the data's palette.
    """

    name: str
    sha256: str
    classes: int

    def forward(self, image: Tensor) -> Tensor:
        raise NotImplementedError


def segment(segmenter: Callable[[Tensor], Tensor], image: Tensor) -> Tensor:
    """The class (B, H, W) int64 of each pixel of uint8 images (B, C, H, W), in full precision.

    Args:
        segmenter: uint8 images to logits, a :class:`Segmenter`.
        image: any number of images, also none.
    """
    at_once = max(1, PIXELS // max(image[:1].numel(), 1))
    with torch.no_grad(), torch.autocast(image.device.type, enabled=False), without_tf32():
        return torch.cat([segmenter(part).argmax(1) for part in image.split(at_once)])


class TrainedSegmenter(Segmenter):
    """A segmenter with the weights that a run of :class:`SegmenterTraining` saved in its folder.

    Args:
        weights: path of the file.
        name: on the evaluation card.

    Raises:
        UserError: if the file is missing or holds something else.
    """

    def __init__(self, weights: str, name: str = "segmenter") -> None:
        super().__init__()
        self.name = name
        self.network, self.sha256 = read_segmenter(Path(weights))
        self.classes, self.channels = self.network.head.out_channels, self.network.channels
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor) -> Tensor:
        if image.shape[1] != self.channels:
            raise UserError(
                f"The segmenter {self.name} needs images of {self.channels} channels; got {image.shape[1]}. Set the "
                "segmenter of lightning_cgan.callbacks.SegmentationScores to one of your data."
            )
        return self.network(to_signed(image))


class FacadesSegmenter(TrainedSegmenter):
    """The segmenter of rendered facades that ships with the package; ``experiments/segmenter/facades.yaml``."""

    def __init__(self) -> None:
        with as_file(files("lightning_cgan.extractors") / "weights" / "facades_segmenter.safetensors") as path:
            super().__init__(str(path), "facades-segmenter")


def read_segmenter(path: Path) -> tuple[SegmenterNetwork, str]:
    """The network in a weights file, with its width and classes, and the hash of the file."""
    try:
        held = load_file(path)
        width, channels = held["down.0.0.weight"].shape[:2]
        with torch.device("meta"):
            network = SegmenterNetwork(channels, len(held["head.weight"]), width)
        network.load_state_dict(held, assign=True)
    except Exception as cause:
        raise UserError(
            f"A segmenter needs the weights that its training saved; got {path}, which is missing or another file. "
            "Train one with experiments/segmenter/facades.yaml on your data, and set the segmenter's init_args.weights "
            "to the file in its run folder."
        ) from cause
    return network, sha256_of(path)


class SegmenterFeatures(Extractor):
    """A segmenter's features at a quarter of the image size, averaged over positions, as an extractor for
    :class:`lightning_cgan.callbacks.Scores`.

    Of its resolutions, this one best separates blur, noise, wrong colours and lost variety of facades from a second
    sample of real images.

    Args:
        segmenter: of the data set.
    """

    resize = "none"

    def __init__(self, segmenter: TrainedSegmenter) -> None:
        super().__init__()
        self.segmenter = segmenter
        self.name, self.sha256 = f"{segmenter.name}-features", segmenter.sha256
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor) -> ClassifierOutput:
        return without_classes(self.segmenter.network.levels(to_signed(image))[2].mean((2, 3)))


class FacadesFeatures(SegmenterFeatures):
    """The features of :class:`FacadesSegmenter`."""

    def __init__(self) -> None:
        super().__init__(FacadesSegmenter())


LEFT_OUT = -100  # cross_entropy's ignore_index


class SegmenterTraining(NetworkTraining):
    """Trains a :class:`SegmenterNetwork` by cross-entropy on pairs of images (a) and label maps (b).

    It behaves like a translation: predictions are painted in the data's palette and scored by
    :class:`lightning_cgan.callbacks.SegmentationScores`.

    Args:
        spec: of the data, linked from the data module.
        classes: colours of the data's palette.
        width: channels at full size.
        ignored: classes whose pixels have no loss.
        optimizer: maps parameters to an optimizer; its learning rate is the peak of a one-cycle schedule.
    """

    training_batch = Paired

    def __init__(
        self,
        spec: PairSpec,
        classes: int,
        width: int = 16,
        ignored: list[int] | None = None,
        optimizer: OptimizerCallable = lambda p: AdamW(p, lr=1e-2, weight_decay=1e-2),
    ) -> None:
        super().__init__(SegmenterNetwork(spec.channels_a, classes, width), optimizer)
        self.classes, self.ignored = classes, ignored or []
        self.register_buffer("palette", torch.zeros(classes, 3, dtype=torch.uint8))  # saved in checkpoints

    def setup(self, stage: str) -> None:
        """Refuse data without label maps in b, or with another number of classes.

        Raises:
            UserError: naming the key to set.
        """
        data = data_facts(self.trainer.datamodule)
        palette = data.palette
        if palette is None or data.labels_in != "b":
            raise UserError(
                "A segmenter learns label maps (b) from images (a); got "
                f"{type(self.trainer.datamodule).__name__} with label maps in {data.labels_in}. "
                "Set data.init_args.direction so that b are the label maps, or "
                "data to a set with a palette."
            )
        if len(palette) != self.classes:
            raise UserError(
                f"The classes of a segmenter are the colours of the palette, {len(palette)}; got {self.classes}. "
                f"Set model.init_args.classes to {len(palette)}."
            )
        self.palette.copy_(palette)

    def loss(self, image: Tensor, label: Tensor) -> Tensor:
        """The mean cross-entropy of the pixels of images and their label maps, both (B, C, H, W) in [-1, 1]."""
        number = class_numbers(to_bytes(label), self.palette)
        number[torch.isin(number, torch.tensor(self.ignored, device=number.device))] = LEFT_OUT
        return cross_entropy(self.network(image).float(), number, ignore_index=LEFT_OUT)

    def forward(self, picture: Tensor) -> Tensor:
        """Images (B, C, H, W) in [-1, 1] to label maps (B, 3, H, W) in [-1, 1] in the palette's colours."""
        return to_signed(painted(self.network(picture).argmax(1), self.palette))

    def validation_step(self, batch: Paired, batch_idx: int) -> EvalOutput:
        return EvalOutput(real=batch.b, fake=self(batch.a), source=batch.a)

    test_step = validation_step

    def predict_step(self, batch: SourceImages, batch_idx: int) -> EvalOutput:
        fake = self(batch.image)
        return EvalOutput(real=fake[:0], fake=fake, source=batch.image)


def class_numbers(image: Tensor, palette: Tensor) -> Tensor:
    """The class (B, H, W) int64 of each pixel: that of the nearest palette colour in RGB, the first if several are.

    Args:
        image: (B, 3, H, W) uint8.
        palette: (K, 3) uint8, in class order.

    Raises:
        UserError: for images that are not uint8, or do not have three channels.
    """
    if image.dtype != torch.uint8 or image.shape[1] != 3:
        raise UserError(
            f"Classes are read from uint8 images of 3 channels; got {image.dtype} images of {image.shape[1]}. "
            "Convert images in [-1, 1] with lightning_cgan.batches.to_bytes, and set data to a set with a palette."
        )
    pixel = image.int()
    best = torch.full_like(pixel[:, 0], torch.iinfo(torch.int32).max)
    number = torch.zeros_like(pixel[:, 0], dtype=torch.int64)
    for row, colour in enumerate(
        palette.to(image.device).int()
    ):  # integers are exact; one colour at a time saves memory
        distance = (pixel - colour[:, None, None]).square().sum(1, dtype=torch.int32)
        nearer = distance < best
        best, number = torch.where(nearer, distance, best), torch.where(nearer, row, number)
    return number


def painted(number: Tensor, palette: Tensor) -> Tensor:
    """Classes (B, H, W) int64 as an image (B, 3, H, W) uint8; the inverse of :func:`class_numbers`."""
    return palette.to(number.device)[number].movedim(-1, 1)
