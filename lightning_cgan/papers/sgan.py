"""Semi-supervised GANs. Salimans et al., "Improved Techniques for Training GANs", NeurIPS 2016."""

from collections.abc import Callable

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from lightning_cgan.batches import EvalBatch, EvalOutput, ImageSpec, PartlyLabelled
from lightning_cgan.checks import check_decays
from lightning_cgan.interfaces import with_classes
from lightning_cgan.losses.semi_supervised import GeneratorLoss, real_logit, supervised_loss, unsupervised_loss
from lightning_cgan.networks import sgan
from lightning_cgan.networks.blocks.weight_norm import initialise
from lightning_cgan.optimize import Adam, logit_means, optimizer_step
from lightning_cgan.papers.kinds import NoiseToImage, SemiSupervised
from lightning_cgan.schedules.learning_rate import constant


class SGAN(SemiSupervised, NoiseToImage):
    """Semi-supervised classification of K classes; the logsumexp of the classifier's logits is the discriminator.

    Each update uses labelled, unlabelled and generated images for the classifier, then other unlabelled and newly
    generated ones for the generator. The scales of weight-normalised layers are initialised from the first labelled
    batch. The defaults are those of the authors' code for MNIST.

    Args:
        spec: of the data, linked from the data module.
        generator: maps the spec to a network: normal noise (B, latent_dim) -> (B, C, H, W) in [-1, 1].
        classifier: maps the spec to a network: images -> ``DiscriminatorOutput``, features (B, F) and logits (B, K).
        generator_optimizer: maps parameters to an optimizer.
        classifier_optimizer: maps parameters to an optimizer.
        generator_loss: feature matching for good classifiers, the non-saturating loss for good images (the paper).
        unlabelled_weight: weight of the unsupervised loss; that of the supervised loss is 1.
        ema_decay: of the moving average of the classifier's weights, used in evaluation; None: no average.
        schedule: maps (update, updates in the run) to a factor on both learning rates.

    Raises:
        UserError: for data without classes, or an ema_decay outside [0, 1); in ``setup`` for fully labelled data.
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
        check_decays(ema_decay=ema_decay)
        self.classifier = classifier(spec)  # first, so that SupervisedBaseline starts equal
        self.generator = generator(spec)
        self.ema: AveragedModel | None = None
        if ema_decay is not None:
            average = get_ema_multi_avg_fn(ema_decay)
            self.ema = AveragedModel(self.classifier, multi_avg_fn=average).requires_grad_(False)
        self.optimizer_factories = {"generator": generator_optimizer, "classifier": classifier_optimizer}
        self.schedule, self.generator_loss, self.unlabelled_weight = schedule, generator_loss, unlabelled_weight

    def before_first_update(self, batch: PartlyLabelled) -> None:
        """Also the generator's scales, from as much noise as there are labelled images in all processes."""
        super().before_first_update(batch)
        initialise(self.generator, self.noise(self.trainer.world_size * batch.image.shape[1]))

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
        """The supervised and the unsupervised loss, and the logits (B, K) of unlabelled and generated images."""
        with torch.no_grad():
            fake = self.fakes(len(unlabelled))
        known, unknown = self.classifier(torch.cat([image, unlabelled])).logits.float().split([len(image), len(fake)])
        logits = unknown, self.classifier(fake).logits.float()  # a separate call for the real images
        return supervised_loss(known, label), unsupervised_loss(*logits), logits

    def loss_of_generator(self, unlabelled: Tensor) -> Tensor:
        """``generator_loss`` on as many new images as there are unlabelled ones."""
        fake = self.classifier(self.fakes(len(unlabelled)))
        with torch.no_grad():
            real = self.classifier(unlabelled)
        return self.generator_loss(real.features.float(), fake.features.float(), fake.logits.float())

    def eval_classifier(self) -> nn.Module:
        return self.classifier if self.ema is None else self.ema

    def evaluated_networks(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "classifier": self.eval_classifier()}

    def evaluate(self, batch: EvalBatch) -> EvalOutput:
        return super().evaluate(batch)._replace(fake=self.generate(batch.latent.noise_id))
