"""Wasserstein GAN. Arjovsky, Chintala & Bottou, ICML 2017."""

from collections.abc import Callable

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from torch.optim import Optimizer, RMSprop
from torch.optim.lr_scheduler import LRScheduler

from lightning_cgan import keyed
from lightning_cgan.batch_check import ChecksBatches
from lightning_cgan.batches import EvalBatch, EvalOutput, ImageSpec, Labelled, LatentBatch
from lightning_cgan.config.stored_model import Loadable
from lightning_cgan.interfaces import EvaluationFacts, without_classes
from lightning_cgan.losses import wasserstein
from lightning_cgan.networks import dcgan
from lightning_cgan.optimize import logit_means, optimizer_step, should_log, with_lr_lambda
from lightning_cgan.schedules.learning_rate import constant


class WGAN(EvaluationFacts, Loadable, ChecksBatches):
    """A generator against a critic kept Lipschitz by clipping its weights. Algorithm 1.

    The defaults are the paper's; the critic's long trainings at the start and now and then are the authors' code's.
    Labels of the data are ignored.

    Args:
        spec: of the data, linked from the data module.
        generator: maps the spec to a network, standard normal noise (B, latent_dim) -> (B, C, H, W) in [-1, 1].
        critic: maps the spec to a network, images -> (B,) outputs without bounds.
        generator_optimizer: maps parameters to an optimizer.
        critic_optimizer: maps parameters to an optimizer; without momentum (Section 4).
        clip: largest absolute value of a critic's parameter, c in Algorithm 1.
        n_critic: critic updates in one generator update, n_critic in Algorithm 1.
        n_critic_warmup: the same in the first ``warmup`` generator updates and in every ``long_every``-th.
        warmup: generator updates.
        long_every: generator updates.
        schedule: maps (generator update, updates in all) to the factor on both learning rates; the paper has none.

    Raises:
        ValueError: for a bound that is not positive, or fewer than one critic update.
    """

    def __init__(
        self,
        spec: ImageSpec,
        generator: Callable[[ImageSpec], nn.Module] = dcgan.Generator,
        critic: Callable[[ImageSpec], nn.Module] = dcgan.Discriminator,
        generator_optimizer: OptimizerCallable = lambda p: RMSprop(p, lr=5e-5),
        critic_optimizer: OptimizerCallable = lambda p: RMSprop(p, lr=5e-5),
        clip: float = 0.01,
        n_critic: int = 5,
        n_critic_warmup: int = 100,
        warmup: int = 25,
        long_every: int = 500,
        schedule: Callable[[int, int], float] = constant,
    ) -> None:
        super().__init__()
        if clip <= 0:
            raise ValueError(
                f"clip bounds the critic's weights, so it is above 0; met {clip}. Set model.init_args.clip."
            )
        positive = {
            "n_critic": n_critic,
            "n_critic_warmup": n_critic_warmup,
            "long_every": long_every,
        }
        for name, count in positive.items():
            if count < 1:
                raise ValueError(f"{name} is at least 1; met {count}. Set model.init_args.{name}.")
        self.automatic_optimization = False
        self.spec = without_classes(spec)
        self.generator = generator(self.spec)
        self.critic = critic(self.spec)
        self.generator_optimizer = generator_optimizer
        self.critic_optimizer = critic_optimizer
        self.clip = clip
        self.n_critic_usual, self.n_critic_warmup = n_critic, n_critic_warmup
        self.warmup, self.long_every = warmup, long_every
        self.schedule = schedule

    def n_critic(self, update: int) -> int:
        """Critic updates in generator update number ``update``, counted from 0; the data module delivers as many."""
        long = update < self.warmup or update % self.long_every == 0
        return self.n_critic_warmup if long else self.n_critic_usual

    def training_step(self, batch: Labelled, batch_idx: int) -> None:
        keyed.reseed("train", self.global_step, self.global_rank)
        generator_optimizer, critic_optimizer = self.optimizers()

        with self.toggled_optimizer(critic_optimizer):
            for real in batch.image:
                self.clip_critic()
                critic_loss, outputs = self.critic_loss(real)
                optimizer_step(self, critic_optimizer, critic_loss)

        with self.toggled_optimizer(generator_optimizer):
            generator_loss = self.generator_loss(len(real))
            optimizer_step(self, generator_optimizer, generator_loss, count=True)

        for scheduler in self.lr_schedulers():
            scheduler.step()
        if should_log(self):
            scalars = {"train/loss_d": critic_loss, "train/loss_g": generator_loss, "train/distance": -critic_loss}
            self.log_dict(scalars | logit_means(*outputs), prog_bar=True)

    @torch.no_grad()
    def clip_critic(self) -> None:
        """Every parameter of the critic, batch norm's included, back into [-clip, clip]; before each of its updates."""
        for parameter in self.critic.parameters():
            parameter.clamp_(-self.clip, self.clip)

    def critic_loss(self, real: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Minus the estimate of the Wasserstein distance, from ``real`` and as many fakes, and the outputs for both."""
        with torch.no_grad():
            fake = self.fakes(len(real))
        outputs = self.critic(real).float(), self.critic(fake).float()
        return wasserstein.critic_loss(*outputs), outputs

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
