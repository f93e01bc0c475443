"""Conditional generative adversarial nets. Mirza & Osindero 2014."""

from collections.abc import Callable, Sequence

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
from lightning_cgan.losses.objectives import Objective
from lightning_cgan.losses.penalties import r1_penalty
from lightning_cgan.networks import maxout
from lightning_cgan.optimize import RampedSGD, logit_means, optimizer_step, should_log, with_lr_lambda
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
        n_critic: discriminator updates in one generator update.
        g_batch_ratio: the generator's batch over the discriminator's.
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
        n_critic: int = 1,
        g_batch_ratio: int = 1,
        schedule: Callable[[int, int], float] = geometric_faster,
        r1_weight: float = 0.0,
    ) -> None:
        super().__init__()
        for name, count in (("n_critic", n_critic), ("g_batch_ratio", g_batch_ratio)):
            if count < 1:
                raise ValueError(f"{name} is at least 1; met {count}. Set model.init_args.{name}.")
        self.automatic_optimization = False
        self.spec = with_classes(spec, "A conditional GAN")
        self.generator = generator(self.spec)
        self.discriminator = discriminator(self.spec)
        self.objective = objective
        self.generator_optimizer = generator_optimizer
        self.discriminator_optimizer = discriminator_optimizer
        self.n_critic = n_critic
        self.g_batch_ratio = g_batch_ratio
        self.schedule = schedule
        self.r1_weight = r1_weight

    def training_step(self, batch: Labelled, batch_idx: int) -> None:
        keyed.reseed("train", self.global_step, self.global_rank)
        generator_optimizer, discriminator_optimizer = self.optimizers()

        with self.toggled_optimizer(discriminator_optimizer):
            for real, label in zip(*batch, strict=True):
                discriminator_loss, logits = self.discriminator_loss(real, label)
                optimizer_step(self, discriminator_optimizer, discriminator_loss)

        with self.toggled_optimizer(generator_optimizer):
            generator_loss = self.generator_loss(self.g_batch_ratio * len(real))
            optimizer_step(self, generator_optimizer, generator_loss, count=True)

        for scheduler in self.lr_schedulers():
            scheduler.step()
        if should_log(self):
            losses = {"train/loss_d": discriminator_loss, "train/loss_g": generator_loss}
            self.log_dict(losses | logit_means(*logits), prog_bar=True)

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
