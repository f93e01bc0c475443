"""Real-time style transfer with perceptual losses. Johnson, Alahi & Fei-Fei, ECCV 2016, Sections 3 and 4.1."""

from collections.abc import Callable

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from torch.optim import Optimizer

from lightning_cgan.batches import EvalBatch, EvalOutput, ImageSpec, Labelled, LatentBatch, SourceImages
from lightning_cgan.checks import check_taps, check_weights
from lightning_cgan.errors import UserError
from lightning_cgan.interfaces import without_classes
from lightning_cgan.losses.perceptual import feature_loss, gram_matrix, style_loss, summed, total_variation
from lightning_cgan.networks.checkpoint_weights import frozen
from lightning_cgan.networks.style import StyleNetwork
from lightning_cgan.optimize import Adam, optimise_pixels, optimizer_step
from lightning_cgan.papers.base import Paper
from lightning_cgan.schedules.learning_rate import constant
from lightning_cgan.style_picture import style_picture


class StyleTransfer(Paper):
    """One-pass style transfer: a network that renders any image in one style, trained for that style.

    Its loss, Equation 5, matches features of the content at one tap of a frozen network and Gram matrices of the style
    at several. Labels of the data are ignored. The defaults are the paper's and, where it gives none, those of the
    authors' code, for Caffe's VGG-16; other features need other weights.

    Args:
        spec: of the data, linked from the data module.
        style: path of an image, or a texture of scikit-image: brick, grass, gravel, ihc, hubble_deep_field, retina.
        features: makes the frozen network, images (B, 3, H, W) in [-1, 1] -> taps; not in checkpoints or ``predict``.
        generator: maps the spec to a network, images of any size -> images of that size.
        content_weight: weight of the feature loss.
        style_weight: weight of the style losses, summed over their taps.
        tv_weight: weight of the total variation of pixels from 0 to 255.
        content_taps: indices of the taps for the content; one in the paper, relu2_2 of VGG-16.
        style_taps: indices of the taps for the style.
        style_distance: of Gram matrices: ``losses.perceptual.style_loss`` (paper), ``mean_style_loss`` (authors' code).
        style_size: longer side of the style image in pixels; None: unchanged.
        optimizer: maps parameters to an optimizer.
        schedule: maps (update, updates in the run) to a factor on the learning rate.

    Raises:
        UserError: for a style that is no image, taps that the features do not have, or negative weights.
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
        check_weights(content_weight=content_weight, style_weight=style_weight, tv_weight=tv_weight)
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
        network = frozen(self.features())
        with torch.no_grad():
            taps = network(style_picture(self.style, self.style_size)[None])
        check_taps(len(taps), content_taps=self.content_taps, style_taps=self.style_taps)
        self.style_grams = [gram_matrix(taps[index]) for index in self.style_taps]
        return (network,)

    def update(self, batch: Labelled) -> dict[str, Tensor]:
        (content,) = batch.image
        (optimizer,) = self.optimizer_list()
        losses = self.losses(self.generator(content), self.content_features(content))
        loss = summed([*losses.values()])
        optimizer_step(self, optimizer, loss, count=True)
        return {"loss": loss} | {f"loss_{name}": value for name, value in losses.items()}

    def losses(self, image: Tensor, target: list[Tensor]) -> dict[str, Tensor]:
        """The weighted terms of Equation 5 for images (B, 3, H, W) and ``content_features`` of their contents."""
        taps = self.taps(image)
        content = summed([feature_loss(taps[k], tap) for k, tap in zip(self.content_taps, target, strict=True)])
        grams = [(gram_matrix(taps[k]), gram) for k, gram in zip(self.style_taps, self.style_grams, strict=True)]
        style = summed([self.style_distance(gram, goal.to(image.device)) for gram, goal in grams])
        return {
            "content": self.content_weight * content,
            "style": self.style_weight * style,
            "tv": self.tv_weight * total_variation(127.5 * image),
        }

    @torch.no_grad()
    def content_features(self, content: Tensor) -> list[Tensor]:
        """The features of ``content`` (B, 3, H, W) that its stylised image should match."""
        taps = self.taps(content)
        return [taps[index] for index in self.content_taps]

    def taps(self, image: Tensor) -> tuple[Tensor, ...]:
        """Features of images (B, 3, H, W) in [-1, 1] by the frozen network."""
        (network,) = self.frozen
        return network.to(image.device)(image)

    def forward(self, image: Tensor) -> Tensor:
        """Images (B, 3, H, W) in [-1, 1] of any size, stylised."""
        return self.generator(image).float().clamp(-1, 1) if len(image) else image

    @torch.no_grad()
    def loss_of(self, image: Tensor, content: Tensor) -> dict[str, float]:
        """The terms of the loss of ``image`` for ``content``, both (B, 3, H, W) in [-1, 1]."""
        losses = self.losses(image, self.content_features(content))
        return {name: value.item() for name, value in losses.items()}

    def optimise(
        self, content: Tensor, optimizer: Callable[[list[Tensor]], Optimizer], steps: int, start: Tensor | None = None
    ) -> tuple[Tensor, list[float]]:
        """Minimise the same loss over pixels for ``content`` (B, 3, H, W): Section 4.1's baseline.

        ``start`` is the initial image, white noise in the paper; None: the content.

        Returns:
            The image, and the (steps + 1) losses at the start and after each step.
        """
        with torch.inference_mode(False):
            content = content.clone()
            target = self.content_features(content)
        start = content if start is None else start
        return optimise_pixels(start, lambda image: summed([*self.losses(image, target).values()]), optimizer, steps)

    def evaluate(self, batch: EvalBatch) -> EvalOutput:
        return EvalOutput(real=batch.image, fake=self(batch.image), source=batch.image)

    def predict_step(self, batch: SourceImages | LatentBatch, batch_idx: int) -> EvalOutput:
        if isinstance(batch, LatentBatch):
            raise UserError(
                "Style is transferred to images; got noise only. Set data.class_path to datamodules.PhotoCrops, or "
                "data.init_args.predict_from to a folder of images."
            )
        return EvalOutput(real=batch.image[:0], fake=self(batch.image), source=batch.image)
