"""Improved training of Wasserstein GANs. Gulrajani et al., NeurIPS 2017."""

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
from lightning_cgan.losses import wasserstein
from lightning_cgan.losses.penalties import gradient_penalty
from lightning_cgan.networks import wgan_gp
from lightning_cgan.optimize import Adam, logit_means, optimizer_step, should_log, with_lr_lambda
from lightning_cgan.schedules.learning_rate import constant


class WGANGP(EvaluationFacts, Loadable, ChecksBatches):
    """A generator against a critic whose gradient is drawn to norm 1 between real and generated images. Algorithm 1.

    The defaults are Algorithm 1's. Labels of the data are ignored.

    Args:
        spec: of the data, linked from the data module.
        generator: maps the spec to a network, standard normal noise (B, latent_dim) -> (B, C, H, W) in [-1, 1].
        critic: maps the spec to a network, images -> (B,) outputs without bounds. No batch norm: the penalty is for
            each image by itself.
        generator_optimizer: maps parameters to an optimizer.
        critic_optimizer: maps parameters to an optimizer.
        n_critic: in one generator update, n_critic in Algorithm 1.
        gp_weight: lambda in Equation 3.
        g_batch_ratio: the generator's batch over the critic's.
        schedule: maps (generator update, updates in all) to the factor on both learning rates.

    Raises:
        ValueError: for a critic with batch norm, or counts below one.
    """

    def __init__(
        self,
        spec: ImageSpec,
        generator: Callable[[ImageSpec], nn.Module] = wgan_gp.Generator,
        critic: Callable[[ImageSpec], nn.Module] = wgan_gp.Critic,
        generator_optimizer: OptimizerCallable = lambda p: Adam(p, lr=1e-4, beta1=0.0, beta2=0.9),
        critic_optimizer: OptimizerCallable = lambda p: Adam(p, lr=1e-4, beta1=0.0, beta2=0.9),
        n_critic: int = 5,
        gp_weight: float = 10.0,
        g_batch_ratio: int = 1,
        schedule: Callable[[int, int], float] = constant,
    ) -> None:
        super().__init__()
        for name, count in (("n_critic", n_critic), ("g_batch_ratio", g_batch_ratio)):
            if count < 1:
                raise ValueError(f"{name} is at least 1; met {count}. Set model.init_args.{name}.")
        self.automatic_optimization = False
        self.spec = without_classes(spec)
        self.generator = generator(self.spec)
        self.critic = critic(self.spec)
        if any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in self.critic.modules()):
            raise ValueError(
                "The gradient penalty is for each image by itself, so the critic has no batch norm; "
                f"met it in {type(self.critic).__name__}. Set model.init_args.critic."
            )
        self.generator_optimizer = generator_optimizer
        self.critic_optimizer = critic_optimizer
        self.n_critic = n_critic
        self.gp_weight = gp_weight
        self.g_batch_ratio = g_batch_ratio
        self.schedule = schedule

    def training_step(self, batch: Labelled, batch_idx: int) -> None:
        keyed.reseed("train", self.global_step, self.global_rank)
        generator_optimizer, critic_optimizer = self.optimizers()

        with self.toggled_optimizer(critic_optimizer):
            for real in batch.image:
                distance, penalty, outputs = self.critic_terms(real)
                optimizer_step(self, critic_optimizer, self.gp_weight * penalty - distance)

        with self.toggled_optimizer(generator_optimizer):
            generator_loss = self.generator_loss(self.g_batch_ratio * len(real))
            optimizer_step(self, generator_optimizer, generator_loss, count=True)

        for scheduler in self.lr_schedulers():
            scheduler.step()
        if should_log(self):
            scalars = {"train/distance": distance, "train/penalty": penalty, "train/loss_g": generator_loss}
            self.log_dict(scalars | logit_means(*outputs), prog_bar=True)

    def critic_terms(self, real: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
        """The estimated Wasserstein distance of ``real`` and as many fakes, the penalty, and the outputs for both."""
        with torch.no_grad():
            fake = self.fakes(len(real))
        of_real, of_fake = self.critic(torch.cat([real, fake])).float().split([len(real), len(fake)])
        distance = -wasserstein.critic_loss(of_real, of_fake)
        return distance, gradient_penalty(self.critic, real, fake), (of_real, of_fake)

    def generator_loss(self, count: int) -> Tensor:
        """Minus the critic's mean output for ``count`` new images."""
        return wasserstein.generator_loss(self.critic(self.fakes(count)).float())

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
            self.critic_optimizer(self.critic.parameters()),
        ]
        return with_lr_lambda(self, optimizers, self.schedule)
