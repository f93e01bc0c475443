"""Generative adversarial nets. Goodfellow et al., NeurIPS 2014."""

from collections.abc import Callable

import torch
from jsonargparse import lazy_instance
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn

from lightning_cgan.batches import ImageSpec, Labelled
from lightning_cgan.checks import check_counts
from lightning_cgan.interfaces import without_classes
from lightning_cgan.losses.objectives import Objective
from lightning_cgan.losses.penalties import r1_penalty
from lightning_cgan.networks import maxout
from lightning_cgan.optimize import RampedSGD, logit_means, optimizer_step
from lightning_cgan.papers.kinds import Unconditional
from lightning_cgan.schedules.learning_rate import ExponentialDecay


class GAN(Unconditional):
    """The original GAN. Algorithm 1: k discriminator updates, then one generator update.

    The defaults are the authors' for MNIST. With ``networks.dcgan`` and Adam this is DCGAN (Radford et al. 2016).
    Labels of the data are ignored.

    Args:
        spec: of the data, linked from the data module.
        generator: maps the spec to a network, standard normal noise (B, latent_dim) -> (B, C, H, W) in [-1, 1].
        discriminator: maps the spec to a network, images -> (B,) logits.
        objective: the pair of losses. Equation 1 is ``minimax``; the paper trains with ``non_saturating`` (Section 3).
        generator_optimizer: maps parameters to an optimizer.
        discriminator_optimizer: maps parameters to an optimizer. The authors' code uses one rate and halves the
            discriminator's loss; here the loss is Equation 1's and the rate is halved.
        n_critic: discriminator updates per generator update, k in Algorithm 1.
        schedule: maps (generator update, updates in the run) to the factor on both learning rates.
        r1_weight: weight of the R1 gradient penalty on real images (Mescheder et al. 2018); not in the paper.

    Raises:
        UserError: for ``n_critic`` below 1.
    """

    def __init__(
        self,
        spec: ImageSpec,
        generator: Callable[[ImageSpec], nn.Module] = maxout.Generator,
        discriminator: Callable[[ImageSpec], nn.Module] = maxout.Discriminator,
        objective: Objective = Objective.non_saturating,
        generator_optimizer: OptimizerCallable = lambda p: RampedSGD(p, lr=0.1),
        discriminator_optimizer: OptimizerCallable = lambda p: RampedSGD(p, lr=0.05),
        n_critic: int = 1,
        schedule: Callable[[int, int], float] = lazy_instance(ExponentialDecay),
        r1_weight: float = 0.0,
    ) -> None:
        super().__init__(without_classes(spec))
        check_counts(n_critic=n_critic)
        self.generator = generator(self.spec)
        self.discriminator = discriminator(self.spec)
        self.optimizer_factories = {"generator": generator_optimizer, "discriminator": discriminator_optimizer}
        self.objective, self.schedule = objective, schedule
        self.n_critic, self.r1_weight = n_critic, r1_weight

    def update(self, batch: Labelled) -> dict[str, Tensor]:
        generator_optimizer, discriminator_optimizer = self.optimizer_list()

        with self.toggled_optimizer(discriminator_optimizer):
            for real in batch.image:
                loss_d, logits = self.discriminator_loss(real)
                optimizer_step(self, discriminator_optimizer, loss_d)

        with self.toggled_optimizer(generator_optimizer):
            loss_g = self.generator_loss(len(real))
            optimizer_step(self, generator_optimizer, loss_g, count=True)

        return {"loss_d": loss_d, "loss_g": loss_g} | logit_means(*logits)

    def discriminator_loss(self, real: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """The objective on ``real`` and as many fakes, and the logits of both, in separate calls for batch norm."""
        with torch.no_grad():
            fake = self.fakes(len(real))
        logits = self.discriminator(real).float(), self.discriminator(fake).float()
        loss = self.objective.discriminator(*logits)
        if self.r1_weight:
            loss = loss + self.r1_weight * r1_penalty(self.discriminator, real)
        return loss, logits

    def generator_loss(self, count: int) -> Tensor:
        """The objective on ``count`` new images."""
        return self.objective.generator(self.discriminator(self.fakes(count)).float())
