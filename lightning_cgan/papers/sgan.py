"""Semi-supervised GANs. Salimans et al., "Improved Techniques for Training GANs", NeurIPS 2016."""

from collections.abc import Callable

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from lightning_cgan import keyed
from lightning_cgan.batches import EvalBatch, EvalOutput, ImageSpec, PartlyLabelled
from lightning_cgan.errors import UserError
from lightning_cgan.interfaces import with_classes
from lightning_cgan.losses.semi_supervised import GeneratorLoss, real_logit, supervised_loss, unsupervised_loss
from lightning_cgan.networks import sgan
from lightning_cgan.networks.blocks.weight_norm import initialise
from lightning_cgan.optimize import Adam, logit_means, optimizer_step
from lightning_cgan.papers.kinds import NoiseToImage, SemiSupervised
from lightning_cgan.schedules.learning_rate import constant


class SGAN(SemiSupervised, NoiseToImage):
    """A classifier of K classes that is the discriminator too, by logsumexp of its logits, and a generator.

    Each update takes labelled, unlabelled and generated images for the classifier, then other unlabelled and newly
    generated ones for the generator. Weight-normalised layers get their scales from the first labelled batch. The
    defaults are the authors' code's for MNIST.

    Args:
        spec: of the data, linked from the data module.
        generator: maps the spec to a network: normal noise (B, latent_dim) -> (B, C, H, W) in [-1, 1].
        classifier: maps the spec to a network: images -> ``DiscriminatorOutput``, features (B, F) and logits (B, K).
        generator_optimizer: maps parameters to an optimizer.
        classifier_optimizer: maps parameters to an optimizer.
        generator_loss: feature matching gives good classifiers, the non-saturating loss good pictures (the paper).
        unlabelled_weight: of the unsupervised loss beside the supervised one.
        ema_decay: of the moving average of the classifier's weights, which decides; None decides by the last ones.
        schedule: maps (update, updates in the run) to a factor on both learning rates.

    Raises:
        UserError: for data without classes, or an ema_decay outside of [0, 1); on ``setup`` for data whose labels
            are all known.
    """

    def __init__(
        self,
        spec: ImageSpec,
        generator: Callable[[ImageSpec], nn.Module] = sgan.MLPGenerator,
        classifier: Callable[[ImageSpec], nn.Module] = sgan.MLPClassifier,
        generator_optimizer: OptimizerCallable = lambda p: Adam(p, lr=3e-3, beta1=0.5, beta2=0.999),
        classifier_optimizer: OptimizerCallable = lambda p: Adam(p, lr=3e-3, beta1=0.5, beta2=0.999),
        generator_loss: GeneratorLoss = GeneratorLoss.feature_matching,
        unlabelled_weight: float = 1.0,
        ema_decay: float | None = 0.9999,
        schedule: Callable[[int, int], float] = constant,
    ) -> None:
        super().__init__(with_classes(spec, "SGAN"))
        if ema_decay is not None and not 0 <= ema_decay < 1:
            raise UserError(
                f"ema_decay is 0 or more and below 1, or null for no average; got {ema_decay}. "
                "Set model.init_args.ema_decay."
            )
        self.classifier = classifier(spec)  # before the generator, so that its supervised twin starts equal
        self.generator = generator(spec)
        self.ema: AveragedModel | None = None
        if ema_decay is not None:
            average = get_ema_multi_avg_fn(ema_decay)
            self.ema = AveragedModel(self.classifier, multi_avg_fn=average).requires_grad_(False)
        self.optimizer_factories = {"generator": generator_optimizer, "classifier": classifier_optimizer}
        self.schedule = schedule
        self.generator_loss = generator_loss
        self.unlabelled_weight = unlabelled_weight

    def before_first_update(self, batch: PartlyLabelled) -> None:
        """Data-dependent initial scales, from the images and noise of all processes, the same in each."""
        image = self.first_images(batch)
        keyed.reseed("initialise")
        initialise(self.classifier, image)
        initialise(self.generator, self.noise(len(image)))

    def update(self, batch: PartlyLabelled) -> dict[str, Tensor]:
        (image,), (label,), ((unlabelled, others),) = batch
        generator_optimizer, classifier_optimizer = self.optimizer_list()

        with self.toggled_optimizer(classifier_optimizer):
            supervised, unsupervised, logits = self.classifier_losses(image, label, unlabelled)
            optimizer_step(self, classifier_optimizer, supervised + self.unlabelled_weight * unsupervised)
        if self.ema is not None:
            self.ema.update_parameters(self.classifier)

        with self.toggled_optimizer(generator_optimizer):
            loss_g = self.loss_of_generator(others)
            optimizer_step(self, generator_optimizer, loss_g, count=True)

        losses = {"loss_supervised": supervised, "loss_unsupervised": unsupervised, "loss_g": loss_g}
        return losses | logit_means(*map(real_logit, logits))

    def classifier_losses(
        self, image: Tensor, label: Tensor, unlabelled: Tensor
    ) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
        """The supervised and the unsupervised loss, and the logits (B, K) that the latter compares.

        Real images share a call, generated ones have their own.
        """
        with torch.no_grad():
            fake = self.fakes(len(unlabelled))
        known, unknown = self.classifier(torch.cat([image, unlabelled])).logits.float().split([len(image), len(fake)])
        judged = unknown, self.classifier(fake).logits.float()
        return supervised_loss(known, label), unsupervised_loss(*judged), judged

    def loss_of_generator(self, unlabelled: Tensor) -> Tensor:
        """``generator_loss`` of as many new images as there are unlabelled ones."""
        fake = self.classifier(self.fakes(len(unlabelled)))
        with torch.no_grad():
            real = self.classifier(unlabelled)
        return self.generator_loss(real.features.float(), fake.features.float(), fake.logits.float())

    def deciding(self) -> nn.Module:
        return self.classifier if self.ema is None else self.ema

    def evaluated_networks(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "classifier": self.deciding()}

    def evaluate(self, batch: EvalBatch) -> EvalOutput:
        return super().evaluate(batch)._replace(fake=self.draw(batch.draws.noise_id))
