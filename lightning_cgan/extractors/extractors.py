"""Extractors: frozen networks whose features and logits the scores are computed from."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from io import BytesIO
from pathlib import Path

import torch
from torch import Tensor, nn
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
from torchvision.models import vgg16
from torchvision.transforms.functional import normalize

from lightning_cgan.batches import to_signed
from lightning_cgan.errors import UserError
from lightning_cgan.extractors.digits import ClassifierOutput, SmallClassifier
from lightning_cgan.extractors.dinov2 import network_of
from lightning_cgan.extractors.resizing import Resize, pictured, resized
from lightning_cgan.extractors.shipped import shipped
from lightning_cgan.extractors.weights_registry import PINNED, file_name, foreign, read_weights

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's channels in [0, 1]
MEAN_255, DEVIATION_255 = ([255 * value for value in channels] for channels in (MEAN, DEVIATION))


class Extractor(nn.Module):
    """uint8 images (B, C, H, W) to features (B, F) and logits (B, classes), both float32.

    A network that does not classify returns logits (B, 0), which have no Inception Score.

    Attributes:
        name: on the evaluation card.
        resize: how images are resized to its input size.
        sha256: of the weights file.
        knows_labels: whether its classes are those of the data set, so that label accuracy can be computed.
    """

    name: str
    resize: str
    sha256: str
    knows_labels: bool = False

    def forward(self, image: Tensor) -> ClassifierOutput:
        raise NotImplementedError


class DigitsClassifier(Extractor):
    """The classifier of handwritten digits that ships with the package; ``experiments/classifier/digits.yaml``."""

    name = "digits-classifier"
    resize = "bilinear antialiased to 16x16"
    knows_labels = True

    def __init__(self) -> None:
        super().__init__()
        self.network, self.sha256 = shipped("digits.safetensors", SmallClassifier)
        self.eval()

    def forward(self, image: Tensor) -> ClassifierOutput:
        if image.shape[1] != 1:
            raise UserError(
                f"The digits classifier needs images of one channel; got {image.shape[1]}. "
                "Set the extractor of lightning_cgan.callbacks.Scores to one for colour."
            )
        return self.network(to_signed(image))


class InceptionV3(Extractor):
    """The Inception network of the published FID and IS values: torch-fidelity's port.

    With the default resize its features are bit-identical to torch-fidelity's; torchmetrics resizes with antialiasing
    since 1.9, unlike all published numbers. Its logits omit the bias of the last layer, as published Inception Scores
    do.

    Args:
        weights: path of the file that ``lightning-cgan features fetch inception`` downloads.
        resize: how images are resized to 299x299; recorded on the card.
        sha256: the required hash of that file.

    Raises:
        UserError: if that file is missing or has another content.
    """

    name = "inception-v3-tf"

    def __init__(
        self,
        weights: str = "weights/inception.pth",
        resize: Resize = Resize.TENSORFLOW_1,
        sha256: str = PINNED["inception"].sha256,
    ) -> None:
        super().__init__()
        self.way, self.resize, self.sha256 = resize, resize.to(299), sha256
        checked = BytesIO()  # torch-fidelity would unpickle the file without checks
        torch.save(read_weights(weights, sha256, "inception"), checked)
        checked.seek(0)
        try:
            with torch.random.fork_rng(devices=[]):  # it initialises weights that are replaced
                network = FeatureExtractorInceptionV3("inception", ["2048"], feature_extractor_weights_path=checked)
        except RuntimeError as cause:
            raise UserError(foreign(weights, "inception")) from cause
        *trunk, self.head = network.children()
        self.trunk = nn.Sequential(*trunk, nn.Flatten())
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor) -> ClassifierOutput:
        features = self.trunk((resized(coloured(image), 299, self.way) - 128) / 128)
        return ClassifierOutput(features, features.mm(self.head.weight.T))


class VGG16(Extractor):
    """The VGG-16 of improved precision and recall: features after its second hidden layer. Kynkäänniemi et al. 2019.

    They are bit-identical to torch-fidelity's.

    Args:
        weights: path of the file that ``lightning-cgan features fetch vgg16`` downloads.
        sha256: the required hash of that file.

    Raises:
        UserError: if that file is missing or has another content.
    """

    name = "vgg16"
    resize = Resize.TENSORFLOW_1.to(224)

    def __init__(self, weights: str = "weights/vgg16.pth", sha256: str = PINNED["vgg16"].sha256) -> None:
        super().__init__()
        self.sha256 = sha256
        with torch.device("meta"):
            self.network = vgg16()
        try:
            self.network.load_state_dict(read_weights(weights, sha256, "vgg16"), assign=True)
        except RuntimeError as cause:
            raise UserError(foreign(weights, "vgg16")) from cause
        self.network.classifier = self.network.classifier[:5]  # without dropout and the classification layer
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor) -> ClassifierOutput:
        colours = normalize(resized(coloured(image), 224, Resize.TENSORFLOW_1), MEAN_255, DEVIATION_255)
        return without_classes(self.network(colours))


class Transformer(Enum):
    """The four networks of DINOv2, by size."""

    VIT_S = "dinov2-vit-s-14"
    VIT_B = "dinov2-vit-b-14"
    VIT_L = "dinov2-vit-l-14"
    VIT_G = "dinov2-vit-g-14"


class DINOv2(Extractor):
    """The network of FD-DINOv2: the class token of images of 224x224. Stein et al. 2023.

    Images are resized as those authors do, by PIL's bicubic filter on bytes.

    Args:
        network: which of the four; published FD-DINOv2 values are those of VIT_L.
        weights: path of the file that ``lightning-cgan features fetch`` downloads; ``weights/<name>.pth`` when None.
        sha256: the required hash of that file; that of the published weights when None.

    Raises:
        UserError: if that file is missing or has another content.
    """

    resize = Resize.PIL_BICUBIC.to(224)

    def __init__(
        self, network: Transformer = Transformer.VIT_L, weights: str | None = None, sha256: str | None = None
    ) -> None:
        super().__init__()
        self.name = network.value
        self.sha256 = sha256 or PINNED[self.name].sha256
        weights = weights or str(Path("weights", file_name(self.name)))
        try:
            self.network = network_of(read_weights(weights, self.sha256, self.name), 224)
        except (KeyError, RuntimeError) as cause:
            raise UserError(foreign(weights, self.name)) from cause
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor) -> ClassifierOutput:
        colours = normalize(pictured(coloured(image), 224), MEAN_255, DEVIATION_255)
        return without_classes(self.network(colours))


def coloured(image: Tensor) -> Tensor:
    """Grey images repeated to three channels; colour images unchanged."""
    return image.expand(-1, 3, -1, -1)


def without_classes(features: Tensor) -> ClassifierOutput:
    return ClassifierOutput(features, features.new_empty(len(features), 0))


def extract(extractor: Extractor, image: Tensor) -> ClassifierOutput:
    """Features and logits of uint8 images (B, C, H, W), in full precision and without gradients.

    Raises:
        UserError: for images that are not uint8.
    """
    if image.dtype != torch.uint8:
        raise UserError(
            f"Features are computed from uint8 images, as in an image file; got {image.dtype}. "
            "Convert images in [-1, 1] with lightning_cgan.batches.to_bytes."
        )
    with torch.no_grad(), torch.autocast(image.device.type, enabled=False), without_tf32():
        return extractor(image)


@contextmanager
def without_tf32() -> Iterator[None]:
    """Inside, convolutions and matrix products are in full float32: cached features are shared by runs.

    With cuDNN's default, features on a GPU would differ in the third digit.
    """
    before, products = torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()
    torch.backends.cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before
        torch.set_float32_matmul_precision(products)
