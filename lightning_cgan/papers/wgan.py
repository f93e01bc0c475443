"""Wasserstein GAN. Arjovsky, Chintala & Bottou, ICML 2017."""

from collections.abc import Callable

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from torch.optim import RMSprop

from lightning_cgan.batches import ImageSpec, Labelled
from lightning_cgan.checks import check_counts, check_positive
from lightning_cgan.interfaces import without_classes
from lightning_cgan.losses import wasserstein
from lightning_cgan.networks import dcgan
from lightning_cgan.optimize import logit_means, optimizer_step
from lightning_cgan.papers.kinds import Unconditional
from lightning_cgan.schedules.learning_rate import constant


class WGAN(Unconditional):
    """A GAN that minimises a Wasserstein distance; weight clipping keeps its critic Lipschitz. Algorithm 1.

    The defaults are the paper's; the updates with ``n_critic_warmup`` critic updates are from the authors' code.
    Labels of the data are ignored.

    Args:
        spec: of the data, linked from the data module.
        generator: maps the spec to a network, standard normal noise (B, latent_dim) -> (B, C, H, W) in [-1, 1].
        critic: maps the spec to a network, images -> (B,) unbounded outputs.
        generator_optimizer: maps parameters to an optimizer.
        critic_optimizer: maps parameters to an optimizer; without momentum (Section 4).
        clip_value: largest absolute value of a critic parameter, c in Algorithm 1.
        n_critic: critic updates per generator update, n_critic in Algorithm 1.
        n_critic_warmup: the same in the first ``warmup`` generator updates and in every ``long_every``-th.
        warmup: number of generator updates.
        long_every: period in generator updates.
        schedule: maps (generator update, updates in the run) to the factor on both rates; constant in the paper.

    Raises:
        UserError: for a ``clip_value`` that is not positive, or a count below 1.
    """

    def __init__(
        self,
        spec: ImageSpec,
        generator: Callable[[ImageSpec], nn.Module] = dcgan.Generator,
        critic: Callable[[ImageSpec], nn.Module] = dcgan.Discriminator,
        generator_optimizer: OptimizerCallable = lambda p: RMSprop(p, lr=5e-5),
        critic_optimizer: OptimizerCallable = lambda p: RMSprop(p, lr=5e-5),
        clip_value: float = 0.01,
        n_critic: int = 5,
        n_critic_warmup: int = 100,
        warmup: int = 25,
        long_every: int = 500,
        schedule: Callable[[int, int], float] = constant,
    ) -> None:
        super().__init__(without_classes(spec))
        check_positive(clip_value=clip_value)
        check_counts(n_critic=n_critic, n_critic_warmup=n_critic_warmup, long_every=long_every)
        self.generator = generator(self.spec)
        self.critic = critic(self.spec)
        self.optimizer_factories = {"generator": generator_optimizer, "critic": critic_optimizer}
        self.schedule, self.clip_value = schedule, clip_value
        self.n_critic, self.n_critic_warmup = n_critic, n_critic_warmup
        self.warmup, self.long_every = warmup, long_every

    def n_critic_at(self, update: int) -> int:
        long = update < self.warmup or update % self.long_every == 0
        return self.n_critic_warmup if long else self.n_critic

    def update(self, batch: Labelled) -> dict[str, Tensor]:
        generator_optimizer, critic_optimizer = self.optimizer_list()

        with self.toggled_optimizer(critic_optimizer):
            for real in batch.image:
                self.clip_critic()
                loss_d, outputs = self.critic_loss(real)
                optimizer_step(self, critic_optimizer, loss_d)

        with self.toggled_optimizer(generator_optimizer):
            loss_g = self.generator_loss(len(real))
            optimizer_step(self, generator_optimizer, loss_g, count=True)

        return {"loss_d": loss_d, "loss_g": loss_g, "distance": -loss_d} | logit_means(*outputs)

    @torch.no_grad()
    def clip_critic(self) -> None:
        """Clip every parameter of the critic, batch norm's included, to [-clip_value, clip_value]."""
        for parameter in self.critic.parameters():
            parameter.clamp_(-self.clip_value, self.clip_value)

    def critic_loss(self, real: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Minus the estimate of the Wasserstein distance, from ``real`` and as many fakes, and the outputs for both."""
        with torch.no_grad():
            fake = self.fakes(len(real))
        outputs = self.critic(real).float(), self.critic(fake).float()
        return wasserstein.critic_loss(*outputs), outputs

    def generator_loss(self, count: int) -> Tensor:
        """Minus the critic's mean output for ``count`` new images."""
        return wasserstein.generator_loss(self.critic(self.fakes(count)).float())
