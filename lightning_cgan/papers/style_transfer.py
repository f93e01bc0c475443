"""Real-time style transfer with perceptual losses. Johnson, Alahi & Fei-Fei, ECCV 2016, Sections 3 and 4.1."""

from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path

import skimage
import torch
from lightning.pytorch.cli import OptimizerCallable
from PIL import Image, UnidentifiedImageError
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torch.optim import Optimizer
from torchvision.transforms.functional import pil_to_tensor

from lightning_cgan.batches import EvalBatch, EvalOutput, ImageSpec, Labelled, LatentBatch, SourceImages, to_signed
from lightning_cgan.errors import UserError
from lightning_cgan.interfaces import without_classes
from lightning_cgan.losses.perceptual import feature_loss, gram_matrix, style_loss, summed, total_variation
from lightning_cgan.networks.checkpoint_weights import frozen
from lightning_cgan.networks.style import StyleNetwork
from lightning_cgan.optimize import Adam, optimise_pixels, optimizer_step
from lightning_cgan.papers.base import Paper
from lightning_cgan.schedules.learning_rate import constant

TEXTURES = {name: f"{name}.png" for name in ("brick", "grass", "gravel", "ihc")}  # scikit-image brings them with it
TEXTURES |= {name: f"{name}.jpg" for name in ("hubble_deep_field", "retina")}


class StyleTransfer(Paper):
    """A network that repaints any picture in one style in one pass. One style is one run.

    Its loss is Equation 5: the picture keeps the features of its content at a tap of a frozen network, and takes on
    the Gram matrices of the style at several. Of the data only the images are used. The defaults are the numbers of the
    paper and, where it has none, of the authors' code, for Caffe's VGG-16: for other features the weights are others.

    Args:
        spec: of the data, linked from the data module.
        style: path of a picture, or one of the textures that scikit-image brings with it: brick, grass, gravel, ihc,
            hubble_deep_field, retina.
        features: makes the frozen network, images (B, 3, H, W) in [-1, 1] -> a tuple of taps. It is neither trained nor
            part of a checkpoint, and ``predict`` does without it.
        generator: maps the spec to a network, images of any size -> images of that size.
        content_weight: of the feature loss.
        style_weight: of the style losses, summed over their taps.
        tv_weight: of the total variation of pixels from 0 to 255.
        content_taps: places of the taps for the content; the paper has one, relu2_2 of VGG-16.
        style_taps: places of the taps for the style.
        style_distance: compares two Gram matrices: ``losses.perceptual.style_loss``, the paper's text, or
            ``mean_style_loss``, its code.
        style_size: pixels of the style picture's longer side; as it is when None.
        optimizer: maps parameters to an optimizer.
        schedule: maps (update, updates in all) to a factor on the learning rate.

    Raises:
        UserError: for a style that is no picture, taps that the features do not have, or negative weights.
    """

    def __init__(
        self,
        spec: ImageSpec,
        style: str,
        features: Callable[[], nn.Module],
        generator: Callable[[ImageSpec], nn.Module] = StyleNetwork,
        content_weight: float = 1.0,
        style_weight: float = 5.0,
        tv_weight: float = 1e-6,
        content_taps: tuple[int, ...] = (1,),
        style_taps: tuple[int, ...] = (0, 1, 2, 3),
        style_distance: Callable[[Tensor, Tensor], Tensor] = style_loss,
        style_size: int | None = 256,
        optimizer: OptimizerCallable = lambda p: Adam(p, lr=1e-3),
        schedule: Callable[[int, int], float] = constant,
    ) -> None:
        super().__init__(without_classes(spec))
        for name, weight in {"content": content_weight, "style": style_weight, "tv": tv_weight}.items():
            if weight < 0:
                raise UserError(f"A loss weighs 0 or more; got {weight}. Set model.init_args.{name}_weight.")
        self.generator = generator(without_classes(spec))
        self.style, self.style_size, self.features = style, style_size, features
        self.content_weight, self.style_weight, self.tv_weight = content_weight, style_weight, tv_weight
        self.content_taps, self.style_taps = tuple(content_taps), tuple(style_taps)
        self.style_distance = style_distance
        self.optimizer_factories, self.schedule = {"generator": optimizer}, schedule

    def setup(self, stage: str) -> None:
        super().setup(stage)
        if stage != "predict":
            self.build_frozen()

    def make_frozen(self) -> tuple[nn.Module, ...]:
        picture = style_picture(self.style, self.style_size)
        network = frozen(self.features())
        with torch.no_grad():
            taps = network(picture[None])
        asked = self.content_taps, self.style_taps
        if not all(asked) or not all(0 <= place < len(taps) for place in asked[0] + asked[1]):
            raise UserError(
                f"The features have {len(taps)} taps, 0 to {len(taps) - 1}; got {asked[0]} for the content and "
                f"{asked[1]} for the style. Set model.init_args.content_taps and style_taps."
            )
        self.wanted = [gram_matrix(taps[place]) for place in self.style_taps]
        return (network,)

    def update(self, batch: Labelled) -> dict[str, Tensor]:
        (content,) = batch.image
        (optimizer,) = self.optimizer_list()
        losses = self.losses(self.generator(content), self.kept(content))
        loss = summed([*losses.values()])
        optimizer_step(self, optimizer, loss, count=True)
        return {"loss": loss} | {f"loss_{name}": value for name, value in losses.items()}

    def losses(self, image: Tensor, kept: list[Tensor]) -> dict[str, Tensor]:
        """The weighted terms of Equation 5 for images (B, 3, H, W), with the taps ``kept`` of their contents."""
        taps = self.taps(image)
        content = summed([feature_loss(taps[k], tap) for k, tap in zip(self.content_taps, kept, strict=True)])
        wanted = [gram.to(image.device) for gram in self.wanted]
        grams = [gram_matrix(taps[place]) for place in self.style_taps]
        style = summed([self.style_distance(gram, target) for gram, target in zip(grams, wanted, strict=True)])
        return {
            "content": self.content_weight * content,
            "style": self.style_weight * style,
            "tv": self.tv_weight * total_variation(127.5 * image),
        }

    @torch.no_grad()
    def kept(self, content: Tensor) -> list[Tensor]:
        """The taps of ``content`` (B, 3, H, W) that a picture of it should have too."""
        taps = self.taps(content)
        return [taps[place] for place in self.content_taps]

    def taps(self, image: Tensor) -> tuple[Tensor, ...]:
        """What the frozen network makes of images (B, 3, H, W) in [-1, 1]."""
        (network,) = self.frozen
        return network.to(image.device)(image)

    def forward(self, image: Tensor) -> Tensor:
        """Images (B, 3, H, W) in [-1, 1] of any size, repainted."""
        return self.generator(image).float().clamp(-1, 1) if len(image) else image

    @torch.no_grad()
    def loss_of(self, image: Tensor, content: Tensor) -> dict[str, float]:
        """The terms of the loss of ``image`` as a picture of ``content``, both (B, 3, H, W) in [-1, 1]."""
        losses = self.losses(image, self.kept(content))
        return {name: value.item() for name, value in losses.items()}

    def optimise(
        self,
        content: Tensor,
        optimizer: Callable[[list[Tensor]], Optimizer],
        steps: int,
        start: Tensor | None = None,
    ) -> tuple[Tensor, list[float]]:
        """The same loss minimised over the pixels of a picture of ``content`` (B, 3, H, W): Section 4.1's baseline.

        It begins with ``start``, white noise in the paper, or with the content itself when None.

        Returns:
            The picture, and the (steps + 1) losses before, between and after the steps.
        """
        with torch.inference_mode(False):
            content = content.clone()
            kept = self.kept(content)
        start = content if start is None else start
        return optimise_pixels(start, lambda image: summed([*self.losses(image, kept).values()]), optimizer, steps)

    def evaluate(self, batch: EvalBatch) -> EvalOutput:
        return EvalOutput(real=batch.image, fake=self(batch.image), source=batch.image)

    def predict_step(self, batch: SourceImages | LatentBatch, batch_idx: int) -> EvalOutput:
        if isinstance(batch, LatentBatch):
            raise UserError(
                "Style is transferred to pictures; this data set gives numbers to draw by. "
                "Set data.class_path to datamodules.PhotoCrops, or data.init_args.predict_from to pictures."
            )
        return EvalOutput(real=batch.image[:0], fake=self(batch.image), source=batch.image)


def style_picture(style: str, size: int | None) -> Tensor:
    """(3, H, W) in [-1, 1]: the texture or the file ``style``, its longer side ``size`` pixels.

    Raises:
        UserError: if there is no such texture or file, or it is no picture.
    """
    path = Path(skimage.__file__).parent / "data" / TEXTURES[style] if style in TEXTURES else Path(style)
    if not path.is_file():
        near = get_close_matches(style, TEXTURES, n=1)
        raise UserError(
            f"A style is a picture's path or one of {', '.join(TEXTURES)}; there is no {style}. "
            f"Set model.init_args.style." + (f"\nThe nearest valid name is {near[0]}." if near else "")
        )
    try:
        with Image.open(path) as held:
            picture = to_signed(pil_to_tensor(held.convert("RGB")))
    except (UnidentifiedImageError, OSError) as cause:
        raise UserError(f"A style is a picture; {style} cannot be read as one. Set model.init_args.style.") from cause
    if size is None or size == max(picture.shape):
        return picture
    height, width = (max(1, round(side * size / max(picture.shape))) for side in picture.shape[1:])
    return interpolate(picture[None], size=(height, width), mode="bilinear", antialias=True)[0]
