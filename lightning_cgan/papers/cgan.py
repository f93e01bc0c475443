"""Conditional generative adversarial nets. Mirza & Osindero 2014."""

from collections.abc import Callable

import torch
from jsonargparse import lazy_instance
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn

from lightning_cgan.batches import ImageSpec, Labelled
from lightning_cgan.checks import check_counts
from lightning_cgan.interfaces import with_classes
from lightning_cgan.losses.objectives import Objective
from lightning_cgan.losses.penalties import r1_penalty
from lightning_cgan.networks import maxout
from lightning_cgan.optimize import RampedSGD, logit_means, optimizer_step
from lightning_cgan.papers.kinds import ClassConditional
from lightning_cgan.schedules.learning_rate import ExponentialDecay


class ConditionalGAN(ClassConditional):
    """A GAN whose generator and discriminator both take the label, each through an input layer of its own.

    The defaults are the paper's for MNIST: fully connected networks. ``networks.dcgan`` concatenates the label to noise
    and image, ``networks.sngan_concat`` to a hidden map: the concat discriminator of Miyato & Koyama 2018.

    Args:
        spec: of the data, linked from the data module.
        generator: maps the spec to a network, (noise (B, latent_dim), labels (B,)) -> images in [-1, 1].
        discriminator: maps the spec to a network, (images, labels) -> (B,) logits.
        objective: the pair of losses. Equation 2 is ``minimax``; ``non_saturating`` is what is trained in practice.
        generator_optimizer: maps parameters to an optimizer.
        discriminator_optimizer: maps parameters to an optimizer; half the generator's rate, as in ``papers.gan``.
        n_critic: discriminator updates per generator update, each on a batch of its own.
        g_batch_ratio: batch size of the generator divided by that of the discriminator.
        schedule: maps (generator update, updates in the run) to the factor on both learning rates.
        r1_weight: weight of the R1 gradient penalty on real images (Mescheder et al. 2018); not in the paper.

    Raises:
        UserError: for data without classes, or a count below 1.
    """

    def __init__(
        self,
        spec: ImageSpec,
        generator: Callable[[ImageSpec], nn.Module] = maxout.ConditionalGenerator,
        discriminator: Callable[[ImageSpec], nn.Module] = maxout.ConditionalDiscriminator,
        objective: Objective = Objective.non_saturating,
        generator_optimizer: OptimizerCallable = lambda p: RampedSGD(p, lr=0.1),
        discriminator_optimizer: OptimizerCallable = lambda p: RampedSGD(p, lr=0.05),
        n_critic: int = 1,
        g_batch_ratio: int = 1,
        schedule: Callable[[int, int], float] = lazy_instance(ExponentialDecay, factor=1.00004),
        r1_weight: float = 0.0,
    ) -> None:
        super().__init__(with_classes(spec, "A conditional GAN"))
        check_counts(n_critic=n_critic, g_batch_ratio=g_batch_ratio)
        self.generator = generator(self.spec)
        self.discriminator = discriminator(self.spec)
        self.optimizer_factories = {"generator": generator_optimizer, "discriminator": discriminator_optimizer}
        self.objective, self.schedule, self.r1_weight = objective, schedule, r1_weight
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
        """The objective on ``real`` and as many fakes, and the logits of both, in separate calls for batch norm."""
        with torch.no_grad():
            fake = self.fakes(len(real))
        logits = self.discriminator(real, label).float(), self.discriminator(*fake).float()
        loss = self.objective.discriminator(*logits)
        if self.r1_weight:
            loss = loss + self.r1_weight * r1_penalty(lambda image: self.discriminator(image, label), real)
        return loss, logits

    def generator_loss(self, count: int) -> Tensor:
        """The objective on ``count`` new images."""
        return self.objective.generator(self.discriminator(*self.fakes(count)).float())
