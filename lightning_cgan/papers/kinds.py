"""Base classes of papers by input and output of the generator: sampling and evaluation."""

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from lightning_cgan import keyed
from lightning_cgan.batches import (
    ClassPrediction,
    EvalBatch,
    EvalOutput,
    ImageSpec,
    LatentBatch,
    Paired,
    PairSpec,
    PartlyLabelled,
    SourceImages,
    UnlabelledImages,
    Unpaired,
    class_labels,
)
from lightning_cgan.checks import check_image_size
from lightning_cgan.errors import UserError
from lightning_cgan.interfaces import HasLatentDim
from lightning_cgan.networks.blocks.any_size import check_sides, multiple_of, padded
from lightning_cgan.networks.blocks.weight_norm import initialise
from lightning_cgan.papers.base import Paper


class Generating(Paper):
    """Base of papers whose ``generator`` maps noise to images."""

    spec: ImageSpec
    generator: nn.Module

    @property
    def latent_dim(self) -> int:
        """Dimension of the noise that ``generator`` takes."""
        if not isinstance(self.generator, HasLatentDim):
            raise UserError(
                "A generator has an attribute latent_dim, the dimension of its noise; "
                f"{type(self.generator).__name__} has none. Set model.init_args.generator."
            )
        return self.generator.latent_dim

    def noise(self, count: int) -> Tensor:
        """Standard normal noise (count, latent_dim) of the current update."""
        return torch.randn(count, self.latent_dim, device=self.device)

    def keyed_noise(self, noise_id: Tensor, seed: int | None) -> Tensor:
        """Noise (K, latent_dim) as a function of (K,) integers, independent of batch, device and process."""
        return keyed.normal("draw", noise_id, self.latent_dim, seed=seed)


class NoiseToImage(Generating):
    """Base of papers whose ``generator`` maps noise (B, latent_dim) alone to images (B, C, H, W)."""

    def fakes(self, count: int) -> Tensor:
        """Generated images (count, C, H, W)."""
        return self.generator(self.noise(count))

    def forward(self, noise: Tensor) -> Tensor:
        """Standard normal noise (B, latent_dim) to images (B, C, H, W) in [-1, 1]."""
        return self.generator(noise).float()

    def generate(self, noise_id: Tensor, seed: int | None = None) -> Tensor:
        """The images of (K,) noise ids; they do not depend on batch, device or process."""
        return self(self.keyed_noise(noise_id, seed))

    @torch.no_grad()
    def sample(self, count: int, seed: int = 0) -> Tensor:
        """Generated images (count, C, H, W) in [-1, 1], a function of the seed. Put the module in eval mode first."""
        return self.generate(torch.arange(count, device=self.device), seed)


class Unconditional(NoiseToImage):
    """A paper whose ``generator`` maps noise (B, latent_dim) to images (B, C, H, W), and whose images are scored."""

    def evaluate(self, batch: EvalBatch) -> EvalOutput:
        return EvalOutput(real=batch.image, fake=self.generate(batch.latent.noise_id))

    def predict_step(self, batch: LatentBatch, batch_idx: int) -> EvalOutput:
        fake = self.generate(batch.noise_id)
        return EvalOutput(real=fake[:0], fake=fake)


class ClassConditional(Generating):
    """A paper whose ``generator`` maps noise (B, latent_dim) and labels (B,) to images (B, C, H, W)."""

    def fakes(self, count: int) -> tuple[Tensor, Tensor]:
        """Generated images (count, C, H, W) and their labels (count,), uniform over the classes."""
        noise = self.noise(count)
        label = torch.randint(self.spec.num_classes, (count,), device=self.device)
        return self.generator(noise, label), label

    def forward(self, noise: Tensor, label: Tensor) -> Tensor:
        """Noise (B, latent_dim) and labels (B,), or weights (B, num_classes), to images (B, C, H, W) in [-1, 1]."""
        return self.generator(noise, label).float()

    def generate(self, latent: LatentBatch, seed: int | None = None) -> Tensor:
        """The images of ``latent``; they do not depend on batch, device or process."""
        return self(self.keyed_noise(latent.noise_id, seed), latent.label)

    @torch.no_grad()
    def sample(self, count: int, label: int | Sequence[int] | Tensor | None = None, seed: int = 0) -> Tensor:
        """Generated images (count, C, H, W) in [-1, 1]. Put the module in eval mode first, as ``load`` does.

        Args:
            count: number of images.
            label: one class for all, or one per image; None cycles through the classes.
            seed: of the noise.

        Raises:
            UserError: for labels that the data set does not have, or a number of labels other than ``count``.
        """
        label = class_labels(label, count, self.spec.num_classes).to(self.device)
        return self.generate(LatentBatch(label, torch.arange(count, device=self.device)), seed)

    def fake_label(self, latent: LatentBatch) -> Tensor | None:
        """(K,) int64 labels of generated images; for mixtures of classes, which have none, their noise ids."""
        return latent.noise_id if latent.label.is_floating_point() else latent.label

    def evaluate(self, batch: EvalBatch) -> EvalOutput:
        return EvalOutput(batch.image, self.generate(batch.latent), self.fake_label(batch.latent), target=batch.label)

    def predict_step(self, batch: LatentBatch, batch_idx: int) -> EvalOutput:
        fake = self.generate(batch)
        return EvalOutput(real=fake[:0], fake=fake, fake_label=self.fake_label(batch))


class SemiSupervised(Paper):
    """A paper whose ``classifier`` maps images to an output with ``logits`` (B, K), trained on few labels."""

    spec: ImageSpec
    training_batch: ClassVar[type] = PartlyLabelled
    classifier: nn.Module

    def eval_classifier(self) -> nn.Module:
        """The classifier of evaluation: its moving average, if there is one."""
        return self.classifier

    def before_first_update(self, batch: PartlyLabelled) -> None:
        """Data-dependent initial scales, from the labelled images of all processes, the same in each."""
        image = cast(Tensor, self.all_gather(batch.image[0])).flatten(0, -4)
        keyed.reseed("initialise")
        initialise(self.classifier, image)

    @torch.no_grad()
    def classify(self, image: Tensor) -> Tensor:
        """Class probabilities (B, K) of images (B, C, H, W) in [-1, 1]. Put the module in eval mode first."""
        return self.eval_classifier()(image).logits.float().softmax(1)

    def evaluated_networks(self) -> dict[str, nn.Module]:
        return {"classifier": self.eval_classifier()}

    def evaluate(self, batch: EvalBatch) -> EvalOutput:
        prediction = self.classify(batch.image).argmax(1)
        return EvalOutput(real=batch.image, fake=batch.image[:0], target=batch.label, prediction=prediction)

    def predict_step(self, batch: UnlabelledImages, batch_idx: int) -> ClassPrediction:
        probability, label = self.classify(batch.image).max(1)
        return ClassPrediction(batch.name, label, probability)


class Translation(Paper):
    """A paper that translates images of domain a to domain b. A subclass defines ``forward``.

    Attributes:
        pad: mirror-pad images to a size that the generator takes, and crop the output.
    """

    spec: PairSpec
    training_batch: ClassVar[type] = Paired
    pad: bool = True

    def translated(self, generator: nn.Module, image: Tensor) -> Tensor:
        """The output of ``generator`` for images (B, C, H, W) in [-1, 1] of any size.

        Raises:
            UserError: for sides that it cannot take, with ``pad`` off.
        """
        self.check_sides(generator, *image.shape[-2:])
        return padded(generator, image, multiple_of(generator)).float()

    def check_sides(self, generator: nn.Module, height: int, width: int) -> None:
        if not self.pad:
            check_sides(height, width, multiple_of(generator))

    def check_sizes(self, generators: Iterable[nn.Module], discriminators: Iterable[nn.Module]) -> None:
        """Refuse data whose images the networks cannot take; call it at the end of a constructor.

        Raises:
            UserError: if the domains differ in size, or a side is too small or no multiple of what a network takes.
        """
        check_image_size(type(self).__name__, self.spec, discriminators)
        for generator in generators:
            self.check_sides(generator, self.spec.size, self.spec.size)

    def translate_for_scores(self, source: Tensor) -> Tensor:
        """The translations (B, channels_b, H, W) of ``source`` in evaluation and prediction."""
        return self(source)

    def evaluate(self, batch: Paired | Unpaired) -> EvalOutput:
        return EvalOutput(real=batch.b, fake=self.translate_for_scores(batch.a), source=batch.a)

    def predict_step(self, batch: SourceImages, batch_idx: int) -> EvalOutput:
        fake = self.translate_for_scores(batch.image)
        return EvalOutput(real=fake[:0], fake=fake, source=batch.image)


class TwoWayTranslation(Translation):
    """A paper that translates a to b by ``generator_ab`` and b to a by ``generator_ba``."""

    training_batch: ClassVar[type] = Unpaired
    generator_ab: nn.Module
    generator_ba: nn.Module

    def to_b(self, image: Tensor) -> Tensor:
        """Images (B, channels_a, H, W) of a to (B, channels_b, H, W) of b, all in [-1, 1]."""
        return self.translated(self.generator_ab, image)

    def to_a(self, image: Tensor) -> Tensor:
        """Images (B, channels_b, H, W) of b to (B, channels_a, H, W) of a, all in [-1, 1]."""
        return self.translated(self.generator_ba, image)

    def forward(self, image: Tensor) -> Tensor:
        """The same as :meth:`to_b`."""
        return self.to_b(image)

    @torch.no_grad()
    def translate(self, source: Tensor, reverse: bool = False) -> Tensor:
        """Images of a translated to b or, with ``reverse``, of b translated to a: (B, C, H, W) in [-1, 1]."""
        return self.to_a(source) if reverse else self.to_b(source)

    def evaluated_networks(self) -> dict[str, nn.Module]:
        """Those of the two generators that are trained."""
        both, trained = {"generator_ab": self.generator_ab, "generator_ba": self.generator_ba}, self.networks()
        return {name: network for name, network in both.items() if network in trained["generator"]}

    def evaluate(self, batch: Paired | Unpaired) -> EvalOutput:
        a, b = batch
        fake_a, fake_b = self.to_a(b), self.to_b(a)
        reverse = EvalOutput(a, fake_a, source=b, reconstruction=self.to_b(fake_a))
        return EvalOutput(b, fake_b, source=a, reconstruction=self.to_a(fake_b), reverse=reverse)


class SuperResolution(Translation):
    """A paper whose ``generator`` enlarges images: a is the low resolution of b."""

    generator: nn.Module
    features: Callable[[], nn.Module] | None = None  # makes the frozen network of a perceptual loss; None: pixels

    def make_frozen(self) -> tuple[nn.Module, ...]:
        return () if self.features is None else (self.features(),)

    def forward(self, low: Tensor) -> Tensor:
        """Low resolutions (B, C, h, w) in [-1, 1] of any size to images (B, C, scale h, scale w) in [-1, 1]."""
        return self.generator(low).float().clamp(-1, 1)
