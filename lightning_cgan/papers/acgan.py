"""Conditional image synthesis with auxiliary classifier GANs. Odena, Olah & Shlens, ICML 2017."""

from collections.abc import Callable, Sequence
from typing import Literal, get_args

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from lightning_cgan import keyed
from lightning_cgan.batch_check import ChecksBatches
from lightning_cgan.batches import EvalBatch, EvalOutput, ImageSpec, Labelled, LatentBatch, class_labels
from lightning_cgan.config.stored_model import Loadable
from lightning_cgan.interfaces import EvaluationFacts, with_classes
from lightning_cgan.losses.auxiliary import class_loss
from lightning_cgan.losses.objectives import Objective
from lightning_cgan.networks import acgan
from lightning_cgan.optimize import Adam, logit_means, optimizer_step, should_log, with_lr_lambda
from lightning_cgan.schedules.learning_rate import constant

Classified = Literal["real", "real_and_fake"]


class ACGAN(EvaluationFacts, Loadable, ChecksBatches):
    """A generator that is told the class against a discriminator that names it.

    The discriminator says whether an image is real, L_S, and of which class it is, L_C. It maximises L_S + L_C and the
    generator L_C - L_S (Section 3), -L_S as the non-saturating loss. The defaults are the paper's.

    Args:
        spec: of the data, linked from the data module.
        generator: maps the spec to a network (noise (B, latent_dim), labels (B,)) -> (B, C, H, W) in [-1, 1].
        discriminator: maps the spec to a network, images -> source logits (B,) and class logits (B, K).
        objective: the pair of losses of the source logits.
        class_loss_on: the images whose classes the discriminator learns. The paper's L_C is on "real_and_fake"; with
            "real" it cannot agree with the generator on classes of their own.
        discriminator_class_weight: of L_C in the discriminator's loss.
        generator_class_weight: of L_C in the generator's loss.
        generator_optimizer: maps parameters to an optimizer.
        discriminator_optimizer: maps parameters to an optimizer.
        n_critic: discriminator updates in one generator update; the data module delivers as many batches.
        g_batch_ratio: the generator's batch over the discriminator's.
        schedule: maps (generator update, updates in all) to the factor on both learning rates.

    Raises:
        ValueError: for data without classes, counts below one, a class loss on other images, or a weight below 0.
    """

    def __init__(
        self,
        spec: ImageSpec,
        generator: Callable[[ImageSpec], nn.Module] = acgan.Generator,
        discriminator: Callable[[ImageSpec], nn.Module] = acgan.Discriminator,
        objective: Objective = Objective.non_saturating,
        class_loss_on: Classified = "real_and_fake",
        discriminator_class_weight: float = 1.0,
        generator_class_weight: float = 1.0,
        generator_optimizer: OptimizerCallable = lambda p: Adam(p, lr=2e-4, beta1=0.5, beta2=0.999),
        discriminator_optimizer: OptimizerCallable = lambda p: Adam(p, lr=2e-4, beta1=0.5, beta2=0.999),
        n_critic: int = 1,
        g_batch_ratio: int = 1,
        schedule: Callable[[int, int], float] = constant,
    ) -> None:
        super().__init__()
        for name, count in (("n_critic", n_critic), ("g_batch_ratio", g_batch_ratio)):
            if count < 1:
                raise ValueError(f"{name} is at least 1; met {count}. Set model.init_args.{name}.")
        if class_loss_on not in get_args(Classified):
            raise ValueError(
                f"The class loss is on {' or '.join(get_args(Classified))}; met {class_loss_on}. "
                "Set model.init_args.class_loss_on."
            )
        weights = discriminator_class_weight, generator_class_weight
        if min(weights) < 0:
            raise ValueError(
                f"Weights of the class loss are not below 0; met {weights}. "
                "Set model.init_args.discriminator_class_weight and generator_class_weight."
            )
        self.automatic_optimization = False
        self.spec = with_classes(spec, "An AC-GAN")
        self.generator = generator(spec)
        self.discriminator = discriminator(spec)
        self.objective = objective
        self.class_loss_on = class_loss_on
        self.discriminator_class_weight = discriminator_class_weight
        self.generator_class_weight = generator_class_weight
        self.generator_optimizer = generator_optimizer
        self.discriminator_optimizer = discriminator_optimizer
        self.n_critic = n_critic
        self.g_batch_ratio = g_batch_ratio
        self.schedule = schedule

    def training_step(self, batch: Labelled, batch_idx: int) -> None:
        keyed.reseed("train", self.global_step, self.global_rank)
        generator_optimizer, discriminator_optimizer = self.optimizers()

        with self.toggled_optimizer(discriminator_optimizer):
            for real, label in zip(*batch, strict=True):
                discriminator_loss, logits = self.discriminator_loss(real, label)
                optimizer_step(self, discriminator_optimizer, discriminator_loss)

        with self.toggled_optimizer(generator_optimizer):
            generator_loss = self.generator_loss(self.g_batch_ratio * len(label))
            optimizer_step(self, generator_optimizer, generator_loss, count=True)

        for scheduler in self.lr_schedulers():
            scheduler.step()
        if should_log(self):
            losses = {"train/loss_d": discriminator_loss, "train/loss_g": generator_loss}
            self.log_dict(losses | logit_means(*logits), prog_bar=True)

    def discriminator_loss(self, real: Tensor, label: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """-(L_S + L_C), and the source logits of real and generated images.

        They take a call each, so that batch norm sees each kind by itself.
        """
        with torch.no_grad():
            fake, fake_label = self.fakes(len(real))
        source, classes = self.judge(real)
        fake_source, fake_classes = self.judge(fake)
        of_class = class_loss(classes, label)
        if self.class_loss_on == "real_and_fake":
            of_class = of_class + class_loss(fake_classes, fake_label)
        loss = self.objective.discriminator(source, fake_source) + self.discriminator_class_weight * of_class
        return loss, (source, fake_source)

    def generator_loss(self, count: int) -> Tensor:
        """-(L_C - L_S) on ``count`` new images."""
        fake, label = self.fakes(count)
        source, classes = self.judge(fake)
        return self.objective.generator(source) + self.generator_class_weight * class_loss(classes, label)

    def judge(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """The discriminator's source logits (B,) and class logits (B, K), in full precision for the losses."""
        source, classes = self.discriminator(image)
        return source.float(), classes.float()

    def fakes(self, count: int) -> tuple[Tensor, Tensor]:
        """Generated images (count, C, H, W) and the labels (count,) they were asked for, uniform over the classes."""
        noise = torch.randn(count, self.generator.latent_dim, device=self.device)
        label = torch.randint(self.spec.num_classes, (count,), device=self.device)
        return self.generator(noise, label), label

    def forward(self, noise: Tensor, label: Tensor) -> Tensor:
        """Noise (B, latent_dim) and labels (B,) to images (B, C, H, W) in [-1, 1]."""
        return self.generator(noise, label).float()

    def draw(self, draws: LatentBatch, seed: int | None = None) -> Tensor:
        """The images of ``draws``: the same for a key whatever the batch, the device or the process."""
        return self(keyed.normal("draw", draws.noise_id, self.generator.latent_dim, seed=seed), draws.label)

    @torch.no_grad()
    def sample(self, count: int, label: int | Sequence[int] | Tensor | None = None, seed: int = 0) -> Tensor:
        """Generated images (count, C, H, W) in [-1, 1]; put the module in eval mode first, as ``load`` does.

        Args:
            count: images to draw.
            label: one class for all, or one for each; None goes round the classes.
            seed: the same seed gives the same images.

        Raises:
            ValueError: for labels that the data set does not have, or not ``count`` of them.
        """
        label = class_labels(label, count, self.spec.num_classes).to(self.device)
        return self.draw(LatentBatch(label, torch.arange(count, device=self.device)), seed)

    def validation_step(self, batch: EvalBatch, batch_idx: int) -> EvalOutput:
        return EvalOutput(batch.image, self.draw(batch.draws), batch.draws.label, target=batch.label)

    test_step = validation_step

    def predict_step(self, batch: LatentBatch, batch_idx: int) -> EvalOutput:
        fake = self.draw(batch)
        return EvalOutput(real=fake[:0], fake=fake, fake_label=batch.label)

    def configure_optimizers(self) -> tuple[list[Optimizer], list[LRScheduler]]:
        optimizers = [
            self.generator_optimizer(self.generator.parameters()),
            self.discriminator_optimizer(self.discriminator.parameters()),
        ]
        return with_lr_lambda(self, optimizers, self.schedule)
