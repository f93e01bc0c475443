"""Conditional image synthesis with auxiliary classifier GANs. Odena, Olah & Shlens, ICML 2017."""

from collections.abc import Callable
from typing import Literal, get_args

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn

from lightning_cgan.batches import ImageSpec, Labelled
from lightning_cgan.checks import check_counts, check_weights
from lightning_cgan.errors import UserError
from lightning_cgan.interfaces import with_classes
from lightning_cgan.losses.auxiliary import class_loss
from lightning_cgan.losses.objectives import Objective
from lightning_cgan.networks import acgan
from lightning_cgan.optimize import Adam, logit_means, optimizer_step
from lightning_cgan.papers.kinds import ClassConditional
from lightning_cgan.schedules.learning_rate import constant

ClassLossImages = Literal["real", "real_and_fake"]


class ACGAN(ClassConditional):
    """A class-conditional GAN whose discriminator also classifies images.

    The discriminator predicts the source of an image (real or generated), L_S, and its class, L_C. It maximises
    L_S + L_C, the generator L_C - L_S (Section 3) with -L_S as the non-saturating loss. Defaults are the paper's.

    Args:
        spec: of the data, linked from the data module.
        generator: maps the spec to a network (noise (B, latent_dim), labels (B,)) -> (B, C, H, W) in [-1, 1].
        discriminator: maps the spec to a network, images -> source logits (B,) and class logits (B, K).
        objective: the pair of losses of the source logits.
        class_loss_on: images of the discriminator's class loss. The paper's L_C is on "real_and_fake"; with "real" the
            two networks cannot agree on class definitions that differ from the data's.
        discriminator_class_weight: weight of L_C in the discriminator's loss.
        generator_class_weight: weight of L_C in the generator's loss.
        generator_optimizer: maps parameters to an optimizer.
        discriminator_optimizer: maps parameters to an optimizer.
        n_critic: discriminator updates per generator update, each on a batch of its own.
        g_batch_ratio: batch size of the generator divided by that of the discriminator.
        schedule: maps (generator update, updates in the run) to the factor on both learning rates.

    Raises:
        UserError: for data without classes, a count below 1, an unknown ``class_loss_on``, or a weight below 0.
    """

    def __init__(
        self,
        spec: ImageSpec,
        generator: Callable[[ImageSpec], nn.Module] = acgan.Generator,
        discriminator: Callable[[ImageSpec], nn.Module] = acgan.Discriminator,
        objective: Objective = Objective.non_saturating,
        class_loss_on: ClassLossImages = "real_and_fake",
        discriminator_class_weight: float = 1.0,
        generator_class_weight: float = 1.0,
        generator_optimizer: OptimizerCallable = lambda p: Adam(p, lr=2e-4, beta1=0.5, beta2=0.999),
        discriminator_optimizer: OptimizerCallable = lambda p: Adam(p, lr=2e-4, beta1=0.5, beta2=0.999),
        n_critic: int = 1,
        g_batch_ratio: int = 1,
        schedule: Callable[[int, int], float] = constant,
    ) -> None:
        super().__init__(with_classes(spec, "An AC-GAN"))
        check_counts(n_critic=n_critic, g_batch_ratio=g_batch_ratio)
        check_weights(
            discriminator_class_weight=discriminator_class_weight, generator_class_weight=generator_class_weight
        )
        if class_loss_on not in (choices := get_args(ClassLossImages)):
            raise UserError(
                f"class_loss_on is {' or '.join(choices)}; got {class_loss_on}. Set model.init_args.class_loss_on."
            )
        self.generator = generator(spec)
        self.discriminator = discriminator(spec)
        self.optimizer_factories = {"generator": generator_optimizer, "discriminator": discriminator_optimizer}
        self.objective, self.schedule, self.class_loss_on = objective, schedule, class_loss_on
        self.discriminator_class_weight = discriminator_class_weight
        self.generator_class_weight = generator_class_weight
        self.n_critic, self.g_batch_ratio = n_critic, g_batch_ratio

    def update(self, batch: Labelled) -> dict[str, Tensor]:
        generator_optimizer, discriminator_optimizer = self.optimizer_list()

        with self.toggled_optimizer(discriminator_optimizer):
            for real, label in zip(*batch, strict=True):
                loss_d, logits = self.discriminator_loss(real, label)
                optimizer_step(self, discriminator_optimizer, loss_d)

        with self.toggled_optimizer(generator_optimizer):
            loss_g = self.generator_loss(self.g_batch_ratio * len(label))
            optimizer_step(self, generator_optimizer, loss_g, count=True)

        return {"loss_d": loss_d, "loss_g": loss_g} | logit_means(*logits)

    def discriminator_loss(self, real: Tensor, label: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """-(L_S + L_C), and the source logits of real and generated images, in separate calls for batch norm."""
        with torch.no_grad():
            fake, fake_label = self.fakes(len(real))
        source, classes = self.discriminate(real)
        fake_source, fake_classes = self.discriminate(fake)
        of_class = class_loss(classes, label)
        if self.class_loss_on == "real_and_fake":
            of_class = of_class + class_loss(fake_classes, fake_label)
        loss = self.objective.discriminator(source, fake_source) + self.discriminator_class_weight * of_class
        return loss, (source, fake_source)

    def generator_loss(self, count: int) -> Tensor:
        """-(L_C - L_S) on ``count`` new images."""
        fake, label = self.fakes(count)
        source, classes = self.discriminate(fake)
        return self.objective.generator(source) + self.generator_class_weight * class_loss(classes, label)

    def discriminate(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """The discriminator's source logits (B,) and class logits (B, K), in full precision for the losses."""
        source, classes = self.discriminator(image)
        return source.float(), classes.float()
