"""Generative adversarial nets. Goodfellow et al., NeurIPS 2014."""

from collections.abc import Callable

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from lightning_cgan import keyed
from lightning_cgan.batch_check import ChecksBatches
from lightning_cgan.batches import EvalBatch, EvalOutput, ImageSpec, Labelled, LatentBatch
from lightning_cgan.config.stored_model import Loadable
from lightning_cgan.interfaces import EvaluationFacts, without_classes
from lightning_cgan.losses.objectives import Objective
from lightning_cgan.losses.penalties import r1_penalty
from lightning_cgan.networks import maxout
from lightning_cgan.optimize import RampedSGD, logit_means, optimizer_step, should_log, with_lr_lambda
from lightning_cgan.schedules.learning_rate import geometric


class GAN(EvaluationFacts, Loadable, ChecksBatches):
    """A generator against a discriminator. Algorithm 1: k discriminator updates, then one of the generator.

    The defaults are the authors' for MNIST. With ``networks.dcgan`` and Adam this is DCGAN (Radford et al. 2016).
    Labels of the data are ignored.

    Args:
        spec: of the data, linked from the data module.
        generator: maps the spec to a network, standard normal noise (B, latent_dim) -> (B, C, H, W) in [-1, 1].
        discriminator: maps the spec to a network, images -> (B,) logits.
        objective: the pair of losses. Equation 1 is ``minimax``; the paper trains with ``non_saturating`` (Section 3).
        generator_optimizer: maps parameters to an optimizer.
        discriminator_optimizer: maps parameters to an optimizer. The authors' code has one rate and halves the
            discriminator's loss; here the loss is Equation 1's and the rate is halved.
        n_critic: discriminator updates in one generator update, k in Algorithm 1.
        schedule: maps (generator update, updates in all) to the factor on both learning rates.
        r1_weight: of the penalty on the discriminator's gradient at real images (Mescheder et al. 2018), which the
            paper does not have.

    Raises:
        ValueError: for fewer than one critic update.
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
        schedule: Callable[[int, int], float] = geometric,
        r1_weight: float = 0.0,
    ) -> None:
        super().__init__()
        if n_critic < 1:
            raise ValueError(f"n_critic is at least 1; met {n_critic}. Set model.init_args.n_critic.")
        self.automatic_optimization = False
        self.spec = without_classes(spec)
        self.generator = generator(self.spec)
        self.discriminator = discriminator(self.spec)
        self.objective = objective
        self.generator_optimizer = generator_optimizer
        self.discriminator_optimizer = discriminator_optimizer
        self.n_critic = n_critic
        self.schedule = schedule
        self.r1_weight = r1_weight

    def training_step(self, batch: Labelled, batch_idx: int) -> None:
        keyed.reseed("train", self.global_step, self.global_rank)
        generator_optimizer, discriminator_optimizer = self.optimizers()

        with self.toggled_optimizer(discriminator_optimizer):
            for real in batch.image:
                discriminator_loss, logits = self.discriminator_loss(real)
                optimizer_step(self, discriminator_optimizer, discriminator_loss)

        with self.toggled_optimizer(generator_optimizer):
            generator_loss = self.generator_loss(len(real))
            optimizer_step(self, generator_optimizer, generator_loss, count=True)

        for scheduler in self.lr_schedulers():
            scheduler.step()
        if should_log(self):
            losses = {"train/loss_d": discriminator_loss, "train/loss_g": generator_loss}
            self.log_dict(losses | logit_means(*logits), prog_bar=True)

    def discriminator_loss(self, real: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """The objective on ``real`` and as many fakes, and the logits of both.

        The discriminator is called twice, so that batch norm sees each kind by itself.
        """
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

    def fakes(self, count: int) -> Tensor:
        """Generated images (count, C, H, W)."""
        return self.generator(torch.randn(count, self.generator.latent_dim, device=self.device))

    def forward(self, noise: Tensor) -> Tensor:
        """Standard normal noise (B, latent_dim) to images (B, C, H, W) in [-1, 1]."""
        return self.generator(noise).float()

    def draw(self, key: Tensor, seed: int | None = None) -> Tensor:
        """The images of the (K,) keys: the same for a key whatever the batch, the device or the process."""
        return self(keyed.normal("draw", key, self.generator.latent_dim, seed=seed))

    @torch.no_grad()
    def sample(self, count: int, seed: int = 0) -> Tensor:
        """Generated images (count, C, H, W) in [-1, 1]; the same for a seed. In eval mode, as ``load`` leaves it."""
        return self.draw(torch.arange(count, device=self.device), seed)

    def validation_step(self, batch: EvalBatch, batch_idx: int) -> EvalOutput:
        return EvalOutput(real=batch.image, fake=self.draw(batch.draws.noise_id))

    test_step = validation_step

    def predict_step(self, batch: LatentBatch, batch_idx: int) -> EvalOutput:
        fake = self.draw(batch.noise_id)
        return EvalOutput(real=fake[:0], fake=fake)

    def configure_optimizers(self) -> tuple[list[Optimizer], list[LRScheduler]]:
        optimizers = [
            self.generator_optimizer(self.generator.parameters()),
            self.discriminator_optimizer(self.discriminator.parameters()),
        ]
        return with_lr_lambda(self, optimizers, self.schedule)
