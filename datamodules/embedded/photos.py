"""Photographs that scikit-image brings with it: real, natural sizes, no download."""

import hashlib
from pathlib import Path
from typing import Any

import skimage
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur, pil_to_tensor

from datamodules.core.low_resolution import cut, low_resolution
from datamodules.core.order import SampleIndex
from datamodules.core.sources import LabelledImages
from datamodules.files.decode import CMYK
from datamodules.translation import Domains, TranslationDataModule
from lightning_cgan import keyed
from lightning_cgan.batches import PairSpec
from lightning_cgan.errors import UserError

FILES = {  # split by photograph: no scene is in two of them, and motorcycle_left and _right are one scene
    "train": (
        "brick.png",  # grey; CC0
        "camera.png",  # grey; CC0, Lav Varshney
        "grass.png",  # grey; CC0
        "gravel.png",  # grey; CC0
        "hubble_deep_field.jpg",  # public domain, NASA
        "ihc.png",  # tissue under a microscope; no known copyright restrictions
        "moon.png",  # grey; scikit-image names no source
        "motorcycle_left.png",  # CC0, Middlebury 2014 stereo benchmark
        "motorcycle_right.png",
        "retina.jpg",  # CC0
        "text.png",  # grey; handwriting, public domain
    ),
    "val": (
        "coins.png",  # grey; no known copyright restrictions, Brooklyn Museum
        "page.png",  # grey; scikit-image names no source
        "rocket.jpg",  # public domain, SpaceX
    ),
    "test": (
        "astronaut.png",  # public domain, NASA
        "chelsea.png",  # a cat; CC0, Stefan van der Walt
        "coffee.png",  # CC0, Rachel Michetti
    ),
}
SMALLEST = 172  # pixels: the shortest side of a training photograph


def photographs(split: str) -> dict[str, Tensor]:
    """The photographs of ``split``, "train", "val" or "test", by name: (3, H, W) uint8; grey ones have equal channels.

    Raises:
        UserError: where the installed scikit-image does not bring one.
    """
    folder = Path(skimage.__file__).parent / "data"
    missing = [name for name in FILES[split] if not (folder / name).is_file()]
    if missing:
        raise UserError(
            f"The photographs lie in the folder of scikit-image; {folder} has no {', '.join(missing)}. "
            "Install the version of scikit-image that requirements.lock names, or set data to another set."
        )
    return {Path(name).stem: read(folder / name) for name in FILES[split]}


def read(path: Path) -> Tensor:
    with Image.open(path) as image:
        return pil_to_tensor(image.convert("RGB"))


class Whole(LabelledImages):
    """Images that differ in size, one at a time."""

    def __init__(self, image: list[Tensor]) -> None:
        self.image = image
        self.label = torch.arange(len(image))

    def images(self, at: SampleIndex) -> Tensor:
        """(*shape, C, H, W) uint8 of images that are equal in size."""
        chosen = [self.image[place] for place in at.image.flatten().tolist()]
        return torch.stack(chosen).unflatten(0, at.image.shape) if chosen else self.image[0][None][:0]

    def sha256(self) -> str:
        said = hashlib.sha256()
        for image in self.image:
            said.update(str(tuple(image.shape)).encode())
            said.update(image.contiguous().numpy().data)
        return said.hexdigest()


class Crops(Whole):
    """Square crops, one from each image in an epoch, at a keyed place and mirrored left to right half the time."""

    def __init__(self, image: list[Tensor], size: int) -> None:
        super().__init__(image)
        self.size = size

    def images(self, at: SampleIndex) -> Tensor:
        """(*shape, C, size, size) uint8."""
        draw = torch.Generator()
        places = zip(at.epoch.flatten().tolist(), at.image.flatten().tolist(), strict=True)
        crops = [
            self.crop(self.image[place], draw.manual_seed(keyed.seed_of("augment", epoch, place)))
            for epoch, place in places
        ]
        return torch.stack(crops).unflatten(0, at.image.shape)

    def crop(self, image: Tensor, draw: torch.Generator) -> Tensor:
        top, left = (int(torch.randint(side - self.size + 1, (), generator=draw)) for side in image.shape[-2:])
        crop = image[..., top : top + self.size, left : left + self.size]
        return crop.flip(-1) if torch.rand((), generator=draw) < 0.5 else crop


class Reduced(LabelledImages):
    """The low resolutions of a set of images."""

    def __init__(self, source: LabelledImages, scale: int) -> None:
        self.source, self.scale = source, scale
        self.label = source.label

    def images(self, at: SampleIndex) -> Tensor:
        return low_resolution(self.source.images(at), self.scale)

    def sha256(self) -> str:
        return hashlib.sha256(f"{self.source.sha256()}/{self.scale}".encode()).hexdigest()


class Photos(TranslationDataModule):
    """Super-resolution of photographs: a is the low resolution, b the photograph.

    Training images are crops; an epoch has one of each photograph. Scores are measured on whole photographs, cut to
    multiples of the scale, one at a time.

    Args:
        scale: the sides of a photograph over those of its low resolution.
        size: of the crops, in pixels.
        batch_size: crops in one update, over all processes together.
        num_workers: loader processes.
        predict_from: a picture in low resolution, or a folder of them, that ``predict`` enlarges; the test photographs'
            low resolutions when None.
        cmyk: "plain" takes CMYK pictures in ``predict_from`` without an ICC profile too, in colours that are near at
            best.

    Raises:
        UserError: for a scale below 2, or a size that is no multiple of it or larger than a photograph.
    """

    def __init__(
        self,
        scale: int = 4,
        size: int = 96,
        batch_size: int = 16,
        num_workers: int = 0,
        predict_from: str | None = None,
        cmyk: CMYK = "profile",
    ) -> None:
        if scale < 2:
            raise UserError(f"Super-resolution enlarges by 2 or more; got {scale}. Set data.init_args.scale.")
        if size < scale or size % scale or size > SMALLEST:
            raise UserError(
                f"Crops have a multiple of the scale {scale} as their size, {SMALLEST} pixels at most; got {size}. "
                "Set data.init_args.size."
            )
        self.spec = PairSpec(3, 3, size, scale)
        super().__init__(batch_size, 1, num_workers=num_workers, predict_from=predict_from, cmyk=cmyk)

    def load(self, split: str) -> Domains:
        images = list(photographs(split).values())
        if split == "train":
            b: LabelledImages = Crops(images, self.spec.size)
        else:
            b = Whole([cut(image, self.spec.scale) for image in images])
        return Reduced(b, self.spec.scale), b

    def names(self, split: str) -> list[str]:
        """Of the photographs, in their order."""
        return [Path(name).stem for name in FILES[split]]


class BlurredAndReduced(Reduced):
    """The low resolutions of a set of images: a Gaussian of so many pixels, then bicubic interpolation."""

    def __init__(self, source: LabelledImages, scale: int, sigma: float) -> None:
        super().__init__(source, scale)
        self.sigma = sigma

    def images(self, at: SampleIndex) -> Tensor:
        return low_resolution(blurred(self.source.images(at), self.sigma), self.scale)

    def sha256(self) -> str:
        return hashlib.sha256(f"{super().sha256()}/{self.sigma}".encode()).hexdigest()


def blurred(image: Tensor, sigma: float) -> Tensor:
    """(..., C, H, W) uint8 under a Gaussian of ``sigma`` pixels, cut off at four of them and mirrored at the edges."""
    if not image.numel():
        return image
    reach = min(int(4 * sigma + 0.5), min(image.shape[-2:]) - 1)
    flat = image.reshape(-1, *image.shape[-3:]).float()
    return gaussian_blur(flat, [2 * reach + 1] * 2, [sigma] * 2).round_().to(torch.uint8).view(image.shape)


class BlurredPhotos(Photos):
    """Super-resolution of photographs: a is the low resolution of the blurred photograph b.

    Args:
        sigma: of the blur, in pixels of b.
        photos: of :class:`~datamodules.Photos`.

    Raises:
        UserError: for a sigma that is not positive.
    """

    def __init__(self, sigma: float = 1.0, **photos: Any) -> None:
        if sigma <= 0:
            raise UserError(f"A blur has a positive sigma; got {sigma}. Set data.init_args.sigma.")
        self.sigma = sigma
        super().__init__(**photos)

    def load(self, split: str) -> Domains:
        _, b = super().load(split)
        return BlurredAndReduced(b, self.spec.scale, self.sigma), b
