"""Conditional generative adversarial nets. Mirza & Osindero 2014."""

from collections.abc import Callable, Sequence

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from lightning_cgan import keyed
from lightning_cgan.batch_check import ChecksBatches
from lightning_cgan.batches import Draws, Evaluated, ImageSpec, Labelled, Trial, class_labels
from lightning_cgan.config.stored_model import Loadable
from lightning_cgan.interfaces import EvaluationFacts, with_classes
from lightning_cgan.losses.objectives import Objective
from lightning_cgan.losses.penalties import r1_penalty
from lightning_cgan.networks import maxout
from lightning_cgan.optimize import RampedSGD, descend, is_log_step, margins, scheduled
from lightning_cgan.schedules.learning_rate import geometric_faster


class ConditionalGAN(EvaluationFacts, Loadable, ChecksBatches):
    """A generator and a discriminator that are both told the label, each by an input layer of its own.

    The defaults are the paper's for MNIST: fully connected networks. ``networks.dcgan`` joins the label to noise and
    image, ``networks.sngan_concat`` to a hidden map: the concat discriminator of Miyato & Koyama 2018.

    Args:
        spec: of the data, linked from the data module.
        generator: maps the spec to a network, (noise (B, latent_dim), labels (B,)) -> images in [-1, 1].
        discriminator: maps the spec to a network, (images, labels) -> (B,) logits.
        objective: the pair of losses. Equation 2 is ``minimax``; in practice ``non_saturating`` is trained.
        generator_optimizer: maps parameters to an optimizer.
        discriminator_optimizer: maps parameters to an optimizer; half the generator's rate, as in ``papers.gan``.
        critic_updates: discriminator updates in one generator update.
        fakes_per_real: the generator's batch over the discriminator's.
        schedule: maps (generator update, updates in all) to the factor on both learning rates.
        r1_weight: of the penalty on the discriminator's gradient at real images (Mescheder et al. 2018), which the
            paper does not have.

    Raises:
        ValueError: for data without classes, or fewer than one critic update or fake for each real image.
    """

    def __init__(
        self,
        spec: ImageSpec,
        generator: Callable[[ImageSpec], nn.Module] = maxout.ConditionalGenerator,
        discriminator: Callable[[ImageSpec], nn.Module] = maxout.ConditionalDiscriminator,
        objective: Objective = Objective.non_saturating,
        generator_optimizer: OptimizerCallable = lambda p: RampedSGD(p, lr=0.1),
        discriminator_optimizer: OptimizerCallable = lambda p: RampedSGD(p, lr=0.05),
        critic_updates: int = 1,
        fakes_per_real: int = 1,
        schedule: Callable[[int, int], float] = geometric_faster,
        r1_weight: float = 0.0,
    ) -> None:
        super().__init__()
        for name, count in (("critic_updates", critic_updates), ("fakes_per_real", fakes_per_real)):
            if count < 1:
                raise ValueError(f"{name} is at least 1; met {count}. Set model.init_args.{name}.")
        self.automatic_optimization = False
        self.spec = with_classes(spec, "A conditional GAN")
        self.generator = generator(self.spec)
        self.discriminator = discriminator(self.spec)
        self.objective = objective
        self.generator_optimizer = generator_optimizer
        self.discriminator_optimizer = discriminator_optimizer
        self.critic_updates = critic_updates
        self.fakes_per_real = fakes_per_real
        self.schedule = schedule
        self.r1_weight = r1_weight

    def training_step(self, batch: Labelled, batch_idx: int) -> None:
        keyed.reseed("train", self.global_step, self.global_rank)
        generator_optimizer, discriminator_optimizer = self.optimizers()

        with self.toggled_optimizer(discriminator_optimizer):
            for real, label in zip(*batch, strict=True):
                discriminator_loss, logits = self.discriminator_loss(real, label)
                descend(self, discriminator_optimizer, discriminator_loss)

        with self.toggled_optimizer(generator_optimizer):
            generator_loss = self.generator_loss(self.fakes_per_real * len(real))
            descend(self, generator_optimizer, generator_loss, tick=True)

        for scheduler in self.lr_schedulers():
            scheduler.step()
        if is_log_step(self):
            losses = {"train/loss_d": discriminator_loss, "train/loss_g": generator_loss}
            self.log_dict(losses | margins(*logits), prog_bar=True)

    def discriminator_loss(self, real: Tensor, label: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """The objective on ``real`` and as many fakes, and the logits of both.

        The discriminator is called twice, so that batch norm sees each kind by itself.
        """
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

    def fakes(self, count: int) -> tuple[Tensor, Tensor]:
        """Generated images (count, C, H, W) and the labels (count,) they were asked for, uniform over the classes."""
        noise = torch.randn(count, self.generator.latent_dim, device=self.device)
        label = torch.randint(self.spec.num_classes, (count,), device=self.device)
        return self.generator(noise, label), label

    def forward(self, noise: Tensor, label: Tensor) -> Tensor:
        """Standard normal noise (B, latent_dim) and labels (B,) to images (B, C, H, W) in [-1, 1]."""
        return self.generator(noise, label).float()

    def draw(self, draws: Draws, seed: int | None = None) -> Tensor:
        """The images of ``draws``: the same for a key whatever the batch, the device or the process."""
        return self(keyed.normal("draw", draws.key, self.generator.latent_dim, seed=seed), draws.label)

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
        return self.draw(Draws(label, torch.arange(count, device=self.device)), seed)

    def validation_step(self, batch: Trial, batch_idx: int) -> Evaluated:
        return Evaluated(batch.image, self.draw(batch.draws), batch.draws.label, truth=batch.label)

    test_step = validation_step

    def predict_step(self, batch: Draws, batch_idx: int) -> Evaluated:
        fake = self.draw(batch)
        return Evaluated(real=fake[:0], fake=fake, label=batch.label)

    def configure_optimizers(self) -> tuple[list[Optimizer], list[LRScheduler]]:
        optimizers = [
            self.generator_optimizer(self.generator.parameters()),
            self.discriminator_optimizer(self.discriminator.parameters()),
        ]
        return scheduled(self, optimizers, self.schedule)
