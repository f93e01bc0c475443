"""Networks whose features and logits the scores are computed from. Each names itself and hashes its weights."""

import hashlib
from importlib.resources import as_file, files
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from lightning_cgan.contract import to_signed
from lightning_cgan.metrics.classifier import Seen, SmallClassifier

INCEPTION_FETCH = "python -m lightning_cgan.metrics.fetch_inception"


class Extractor(nn.Module):
    """uint8 images (B, C, H, W) to features (B, F) and logits (B, classes), both float32.

    Attributes:
        name: what the evaluation card calls it.
        resize: how it brings images to its own size.
        sha256: of the weights file.
        knows_labels: whether its classes are those of the data set, so that it can judge a generated image's label.
    """

    name: str
    resize: str
    sha256: str
    knows_labels: bool = False

    def forward(self, image: Tensor) -> Seen:
        raise NotImplementedError


class DigitsClassifier(Extractor):
    """The classifier of handwritten digits that ships with the package; ``experiments/classifier/digits.yaml``."""

    name = "digits-classifier"
    resize = "bilinear antialiased to 16x16"
    knows_labels = True

    def __init__(self) -> None:
        super().__init__()
        with as_file(files("lightning_cgan.metrics") / "weights" / "digits.safetensors") as path:
            self.sha256 = sha256_of(path)
            self.network = SmallClassifier()
            self.network.load_state_dict(load_file(path))
        self.network.eval().requires_grad_(False)

    def forward(self, image: Tensor) -> Seen:
        if image.shape[1] != 1:
            raise ValueError(
                f"The digits classifier sees one grey channel; met images with {image.shape[1]}. "
                "Set the extractor of lightning_cgan.callbacks.scores.Scores to one for colour."
            )
        return self.network(to_signed(image))


class InceptionV3(Extractor):
    """The Inception network of the published FID and IS values: torch-fidelity's port, with TensorFlow 1's resize.

    torchmetrics' own extractor resizes with antialiasing since 1.9, which no published number did.

    Args:
        weights: path of torch-fidelity's ``weights-inception-2015-12-05-6726825d.pth``.

    Raises:
        ValueError: if that file is missing or holds something else.
    """

    name = "inception-v3-tf"
    resize = "TensorFlow 1 bilinear to 299x299"

    def __init__(self, weights: str = "weights/inception.pth") -> None:
        super().__init__()
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

        if not Path(weights).is_file():
            raise ValueError(
                f"Inception scores need its weights on disk; there is no file {weights}. "
                f"Run `{INCEPTION_FETCH} {weights}` once, or set the extractor's init_args.weights."
            )
        self.sha256 = sha256_of(Path(weights))
        try:
            self.network = FeatureExtractorInceptionV3(
                "inception-v3-compat", ["2048", "logits_unbiased"], feature_extractor_weights_path=weights
            )
        except Exception as cause:
            raise ValueError(
                f"Inception scores need torch-fidelity's weights; {weights} is not a file of them. "
                f"Delete it and run `{INCEPTION_FETCH} {weights}`, or set the extractor's init_args.weights."
            ) from cause
        self.network.eval().requires_grad_(False)

    def forward(self, image: Tensor) -> Seen:
        features, logits = self.network(image.expand(-1, 3, -1, -1))
        return Seen(features.float(), logits.float())


def sha256_of(path: Path) -> str:
    """The hash of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def seen_by(extractor: Extractor, image: Tensor) -> Seen:
    """What ``extractor`` makes of uint8 images, in full precision and without gradients."""
    with torch.no_grad(), torch.autocast(image.device.type, enabled=False):
        return extractor(image)
