"""Semi-supervised GANs. Salimans et al., "Improved Techniques for Training GANs", NeurIPS 2016."""

from collections.abc import Callable

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from lightning_cgan import keyed
from lightning_cgan.batch_check import ChecksBatches
from lightning_cgan.batches import ClassPrediction, EvalBatch, EvalOutput, ImageSpec, PartlyLabelled, UnlabelledImages
from lightning_cgan.config.stored_model import Loadable
from lightning_cgan.interfaces import EvaluationFacts, with_classes, with_few_labels
from lightning_cgan.losses.semi_supervised import GeneratorLoss, real_logit, supervised_loss, unsupervised_loss
from lightning_cgan.networks import sgan
from lightning_cgan.networks.blocks.weight_norm import initialise
from lightning_cgan.optimize import Adam, logit_means, optimizer_step, should_log, with_lr_lambda
from lightning_cgan.schedules.learning_rate import constant


class SGAN(EvaluationFacts, Loadable, ChecksBatches):
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
        average_rate: of the moving average of the classifier's weights, which decides; None decides by the last ones.
        schedule: maps (update, updates in the run) to a factor on both learning rates.

    Raises:
        ValueError: for data without classes, or an average_rate outside of (0, 1]; on ``setup`` for data whose labels
            are all known.
    """

    training_batch = PartlyLabelled

    def __init__(
        self,
        spec: ImageSpec,
        generator: Callable[[ImageSpec], nn.Module] = sgan.MLPGenerator,
        classifier: Callable[[ImageSpec], nn.Module] = sgan.MLPClassifier,
        generator_optimizer: OptimizerCallable = lambda p: Adam(p, lr=3e-3, beta1=0.5, beta2=0.999),
        classifier_optimizer: OptimizerCallable = lambda p: Adam(p, lr=3e-3, beta1=0.5, beta2=0.999),
        generator_loss: GeneratorLoss = GeneratorLoss.feature_matching,
        unlabelled_weight: float = 1.0,
        average_rate: float | None = 1e-4,
        schedule: Callable[[int, int], float] = constant,
    ) -> None:
        super().__init__()
        if average_rate is not None and not 0 < average_rate <= 1:
            raise ValueError(
                f"average_rate lies above 0, up to 1, or is null for no average; met {average_rate}. "
                "Set model.init_args.average_rate."
            )
        self.automatic_optimization = False
        self.spec = with_classes(spec, "SGAN")
        self.classifier = classifier(spec)  # before the generator, so that its supervised twin starts equal
        self.generator = generator(spec)
        self.averaged_classifier: AveragedModel | None = None
        if average_rate is not None:
            average = get_ema_multi_avg_fn(1 - average_rate)
            self.averaged_classifier = AveragedModel(self.classifier, multi_avg_fn=average).requires_grad_(False)
        self.generator_optimizer = generator_optimizer
        self.classifier_optimizer = classifier_optimizer
        self.generator_loss = generator_loss
        self.unlabelled_weight = unlabelled_weight
        self.schedule = schedule

    def setup(self, stage: str) -> None:
        if stage == "fit":
            with_few_labels(self.trainer.datamodule, "SGAN")

    def training_step(self, batch: PartlyLabelled, batch_idx: int) -> None:
        (image,), (label,), ((unlabelled, others),) = batch
        if not self.global_step:
            self.initialise(image)
        keyed.reseed("train", self.global_step, self.global_rank)
        generator_optimizer, classifier_optimizer = self.optimizers()

        with self.toggled_optimizer(classifier_optimizer):
            supervised, unsupervised, logits = self.classifier_losses(image, label, unlabelled)
            optimizer_step(self, classifier_optimizer, supervised + self.unlabelled_weight * unsupervised)
        if self.averaged_classifier is not None:
            self.averaged_classifier.update_parameters(self.classifier)

        with self.toggled_optimizer(generator_optimizer):
            generator_loss = self.loss_of_generator(others)
            optimizer_step(self, generator_optimizer, generator_loss, count=True)

        for scheduler in self.lr_schedulers():
            scheduler.step()
        if should_log(self):
            losses = {"supervised": supervised, "unsupervised": unsupervised, "g": generator_loss}
            scalars = {f"train/loss_{name}": loss for name, loss in losses.items()}
            self.log_dict(scalars | logit_means(*map(real_logit, logits)), prog_bar=True)

    def initialise(self, image: Tensor) -> None:
        """Data-dependent initial scales, from the images and noise of all processes, the same in each."""
        image = self.all_gather(image).flatten(0, -4)
        keyed.reseed("initialise")
        initialise(self.classifier, image)
        initialise(self.generator, torch.randn(len(image), self.generator.latent_dim, device=self.device))

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

    def fakes(self, count: int) -> Tensor:
        """Generated images (count, C, H, W)."""
        return self.generator(torch.randn(count, self.generator.latent_dim, device=self.device))

    def forward(self, noise: Tensor) -> Tensor:
        """Normal noise (B, latent_dim) to images (B, C, H, W) in [-1, 1]."""
        return self.generator(noise).float()

    def draw(self, key: Tensor, seed: int | None = None) -> Tensor:
        """The images of the (K,) keys: the same for a key whatever the batch, the device or the process."""
        return self(keyed.normal("draw", key, self.generator.latent_dim, seed=seed))

    @torch.no_grad()
    def sample(self, count: int, seed: int = 0) -> Tensor:
        """Generated images (count, C, H, W) in [-1, 1] of any class; put the module in eval mode first."""
        return self.draw(torch.arange(count, device=self.device), seed)

    @torch.no_grad()
    def classify(self, image: Tensor) -> Tensor:
        """The probabilities (B, K) of the classes of (B, C, H, W) in [-1, 1]; put the module in eval mode first."""
        return self.deciding()(image).logits.float().softmax(1)

    def deciding(self) -> nn.Module:
        """The classifier that decides: the average, where there is one."""
        return self.classifier if self.averaged_classifier is None else self.averaged_classifier

    def evaluated_networks(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "classifier": self.deciding()}

    def validation_step(self, batch: EvalBatch, batch_idx: int) -> EvalOutput:
        decided = self.classify(batch.image).argmax(1)
        return EvalOutput(
            real=batch.image, fake=self.draw(batch.draws.noise_id), target=batch.label, prediction=decided
        )

    test_step = validation_step

    def predict_step(self, batch: UnlabelledImages, batch_idx: int) -> ClassPrediction:
        probability, label = self.classify(batch.image).max(1)
        return ClassPrediction(batch.name, label, probability)

    def configure_optimizers(self) -> tuple[list[Optimizer], list[LRScheduler]]:
        optimizers = [
            self.generator_optimizer(self.generator.parameters()),
            self.classifier_optimizer(self.classifier.parameters()),
        ]
        return with_lr_lambda(self, optimizers, self.schedule)
