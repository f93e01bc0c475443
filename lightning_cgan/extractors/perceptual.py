"""Frozen feature networks for perceptual losses and feature distances.

Each is an ``nn.Module``: images (B, 3, H, W) in [-1, 1] to a tuple of taps (B, C_i, H_i, W_i), differentiable.
Extractors, which compute FID, take uint8 images and give no gradients. A network used in a loss must not be used for
scores: ``PhotoPatches`` is for losses, ``PhotoPatchesEval`` for scores; their width, seed and weights differ.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d
from torchvision.models import vgg16, vgg19
from torchvision.transforms.functional import normalize

from lightning_cgan.errors import UserError
from lightning_cgan.extractors.photo_patches import PatchNetwork
from lightning_cgan.extractors.shipped import shipped
from lightning_cgan.extractors.weights_registry import PINNED, fetch_command, file_name, sha256_of

MEAN, DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]  # of ImageNet's channels in [0, 1]
VGG = {"vgg16": vgg16, "vgg19": vgg19}
JOHNSON = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")


class Features(nn.Module):
    """Base of the feature networks, which are frozen and in eval mode.

    Attributes:
        name: on the evaluation card.
        sha256: of the weights file.
    """

    name: str
    sha256: str

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        raise NotImplementedError


class VGGFeatures(Features):
    """Layers of torchvision's VGG trained on ImageNet; images are not resized.

    Published loss weights are for Caffe's VGG, which takes other colours at another scale; they do not transfer to
    these networks.

    Args:
        architecture: "vgg16" or "vgg19".
        weights: path of the file that ``lightning-cgan features fetch`` downloads; ``weights/<name>.pth`` when None.
        taps: the layers, named ``relu<block>_<convolution>`` or ``conv<block>_<convolution>``, lowest first. Layers
            above the last one are not computed.
        average: whether to use average pooling in place of max pooling, as Gatys et al. 2016 recommend.
        sha256: the required hash of the file; that of the published weights when None.

    Raises:
        UserError: for an unknown layer, or if the file is missing or has another content.
    """

    def __init__(
        self,
        architecture: Literal["vgg16", "vgg19"] = "vgg16",
        weights: str | None = None,
        taps: Sequence[str] = JOHNSON,
        average: bool = False,
        sha256: str | None = None,
    ) -> None:
        super().__init__()
        self.name, self.sha256 = architecture, sha256 or PINNED[architecture].sha256
        with torch.device("meta"):
            layers = VGG[architecture]().features
        self.places = tap_places(layers, taps)
        held = vgg_weights(architecture, weights or str(Path("weights", file_name(architecture))), self.sha256, layers)
        layers.load_state_dict(held, assign=True)
        layers = layers[: self.places[-1] + 1]
        for place, layer in enumerate(layers):
            if isinstance(layer, nn.ReLU):  # an in-place ReLU would overwrite the tap before it
                layers[place] = nn.ReLU()
            if isinstance(layer, nn.MaxPool2d) and average:
                layers[place] = nn.AvgPool2d(2)
        self.layers = layers
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        hidden, taps = normalize((image + 1) / 2, MEAN, DEVIATION), []
        for place, layer in enumerate(self.layers):
            hidden = layer(hidden)
            if place in self.places:
                taps.append(hidden)
        return tuple(taps)


def layer_names(layers: nn.Sequential) -> dict[str, int]:
    """The index of each convolution and ReLU in torchvision's VGG by its name in the papers."""
    places, block, number = {}, 1, 0
    for place, layer in enumerate(layers):
        if isinstance(layer, nn.MaxPool2d):
            block, number = block + 1, 0
        number += isinstance(layer, nn.Conv2d)
        if isinstance(layer, nn.Conv2d | nn.ReLU):
            places[f"{'conv' if isinstance(layer, nn.Conv2d) else 'relu'}{block}_{number}"] = place
    return places


def tap_places(layers: nn.Sequential, taps: Sequence[str]) -> list[int]:
    """The indices of the layers named ``taps``.

    Raises:
        UserError: for an unknown name, no name, or names in another order than the layers.
    """
    known = layer_names(layers)
    unknown = [tap for tap in taps if tap not in known]
    places = [known[tap] for tap in taps if tap in known]
    if unknown or not places or places != sorted(set(places)):
        raise UserError(
            f"Taps are layers named {', '.join(name for name in known if name.startswith('relu'))} (or conv...), the "
            f"lowest first; got {', '.join(taps) or 'none'}. Set the feature network's init_args.taps."
        )
    return places


def vgg_weights(architecture: str, weights: str, sha256: str, layers: nn.Sequential) -> dict[str, Tensor]:
    """The weights of the convolutional ``layers`` in the file ``weights``.

    Raises:
        UserError: if the file is missing, its hash is not ``sha256``, or it holds another network.
    """
    path = Path(weights)
    advice = (
        f"Run `{fetch_command(architecture, path.parent)}` and set the feature network's init_args.weights to "
        f"{path.with_name(file_name(architecture))}"
    )
    needed = f"The {architecture} feature network needs torchvision's weights on disk"
    if not path.is_file():
        raise UserError(f"{needed}; got no file {weights}. {advice}.")
    if (got := sha256_of(path)) != sha256:
        raise UserError(
            f"{needed}, with the hash {sha256}; got {weights} with {got}. {advice}, or set its init_args.sha256 to use "
            "other weights intentionally."
        )
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
        held = {name.removeprefix("features."): value for name, value in held.items() if name.startswith("features.")}
        fits = {n: v.shape for n, v in held.items()} == {n: v.shape for n, v in layers.state_dict().items()}
    except Exception as cause:
        raise UserError(f"{needed}; got {weights}, which is not a state dict. {advice}.") from cause
    if not fits:
        raise UserError(f"{needed}; got {weights}, which holds another network. {advice}.")
    return held


class PhotoPatches(Features):
    """Four taps of the network that ships with the package; ``experiments/features/photos.yaml``.

    It was trained to tell from which training photograph a patch is, under changing light and partly without colour,
    and to predict colours. Its taps have 24, 48, 72 and 72 channels at full, half, quarter and eighth size of the
    image; sides are at least 8 pixels.
    """

    name, file, width = "photo-patches", "photo_patches.safetensors", 24

    def __init__(self) -> None:
        super().__init__()
        self.network, self.sha256 = shipped(self.file, lambda: PatchNetwork(self.width))
        self.eval()

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        return self.network(image)


class PhotoPatchesEval(PhotoPatches):
    """The counterpart of ``PhotoPatches`` for scores, not for losses: 32 channels, seed 1, trained without colours."""

    name, file, width = "photo-patches-eval", "photo_patches_eval.safetensors", 32


class WithColours(Features):
    """A feature network with an additional last tap: mean colours of areas of the image, (B, 3, H / area, W / area).

    A network trained to recognise content in any light is largely insensitive to colour, so a loss on its features
    alone hardly constrains colours.

    Args:
        features: factory of the network.
        area: side of the areas, in pixels.
        gain: factor of colours in [-1, 1]; its square is the weight of their loss.
    """

    def __init__(self, features: Callable[[], Features], area: int = 8, gain: float = 1.5) -> None:
        super().__init__()
        self.network, self.area, self.gain = features(), area, gain
        self.name, self.sha256 = f"{self.network.name}, colours {gain:g}", self.network.sha256
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        return *self.network(image), self.gain * avg_pool2d(image, self.area, ceil_mode=True)
