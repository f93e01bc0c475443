"""Pretrained classifiers for classification losses: differentiable, images in [-1, 1] to logits.

Extractors, which score a run, take uint8 images and give no gradients. A network used in a loss must not be used for
scores: the digits classifier here has the recipe of the extractor, but another seed and other weights.
"""

from importlib.resources import as_file, files
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torchvision.models import get_model
from torchvision.transforms.functional import normalize

from lightning_cgan.batches import ImageSpec
from lightning_cgan.errors import UserError
from lightning_cgan.extractors.digits import SmallClassifier
from lightning_cgan.extractors.weights_registry import PINNED, fetch_command


class PretrainedDigits(nn.Module):
    """Digits (B, 1, H, W) in [-1, 1] to logits (B, 10): ``experiments/classifier/digits.yaml`` with seed 1.

    Args:
        spec: of the data.

    Raises:
        UserError: for other data than grey images of ten classes.
    """

    def __init__(self, spec: ImageSpec) -> None:
        super().__init__()
        if (spec.channels, spec.num_classes) != (1, 10):
            raise UserError(
                f"The digits classifier needs one channel and 10 classes; got {spec.channels} and "
                f"{spec.num_classes}. Set model.init_args.classifier to one of your data."
            )
        self.network = SmallClassifier()
        with as_file(files("lightning_cgan.extractors") / "weights" / "digits_teacher.safetensors") as path:
            self.network.load_state_dict(load_file(path))

    def forward(self, image: Tensor) -> Tensor:
        return self.network(image).logits


MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's channels in [0, 1]


class PretrainedImageNet(nn.Module):
    """Images (B, 3, H, W) in [-1, 1] to logits (B, 1000), by a torchvision network with weights on disk.

    Args:
        spec: of the data; its classes are ImageNet's in the order of their folder names.
        weights: path of the network's state dict, as torchvision publishes it.
        architecture: torchvision's name of the network.
        size: in pixels, to which images are resized, bilinear with antialiasing.

    Raises:
        UserError: for other data than colour images of 1,000 classes, or a weights file that is missing or of another
            network.
    """

    def __init__(
        self, spec: ImageSpec, weights: str = "weights/vgg16.pth", architecture: str = "vgg16", size: int = 224
    ) -> None:
        super().__init__()
        if (spec.channels, spec.num_classes) != (3, 1000):
            raise UserError(
                f"ImageNet classifiers need three channels and 1000 classes; got {spec.channels} and "
                f"{spec.num_classes}. Set model.init_args.classifier to one of your data."
            )
        self.size = size
        self.network = get_model(architecture, weights=None)
        try:
            self.network.load_state_dict(torch.load(Path(weights), map_location="cpu", weights_only=True))
        except Exception as cause:
            known = architecture in PINNED
            way = f"Run `{fetch_command(architecture, Path(weights).parent)}`, or set" if known else "Set"
            raise UserError(
                f"The classifier needs torchvision's weights of {architecture} on disk; got {weights}, missing or "
                f"another file. {way} model.init_args.classifier.init_args.weights."
            ) from cause

    def forward(self, image: Tensor) -> Tensor:
        image = interpolate(image, size=(self.size, self.size), mode="bilinear", antialias=True)
        return self.network(normalize((image + 1) / 2, list(MEAN), list(DEVIATION)))
