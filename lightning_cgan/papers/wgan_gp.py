"""Improved training of Wasserstein GANs. Gulrajani et al., NeurIPS 2017."""

from collections.abc import Callable

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from lightning_cgan.batches import ImageSpec, Labelled
from lightning_cgan.checks import check_counts
from lightning_cgan.errors import UserError
from lightning_cgan.interfaces import without_classes
from lightning_cgan.losses import wasserstein
from lightning_cgan.losses.penalties import gradient_penalty
from lightning_cgan.networks import wgan_gp
from lightning_cgan.optimize import Adam, logit_means, optimizer_step
from lightning_cgan.papers.kinds import Unconditional
from lightning_cgan.schedules.learning_rate import constant


class WGANGP(Unconditional):
    """A Wasserstein GAN with a penalty on gradient norms other than 1 between real and generated images. Algorithm 1.

    The defaults are Algorithm 1's. Labels of the data are ignored.

    Args:
        spec: of the data, linked from the data module.
        generator: maps the spec to a network, standard normal noise (B, latent_dim) -> (B, C, H, W) in [-1, 1].
        critic: maps the spec to a network without batch norm, images -> (B,) unbounded outputs.
        generator_optimizer: maps parameters to an optimizer.
        critic_optimizer: maps parameters to an optimizer.
        n_critic: critic updates per generator update, n_critic in Algorithm 1.
        gp_weight: weight of the gradient penalty, lambda in Equation 3.
        g_batch_ratio: batch size of the generator divided by that of the critic.
        schedule: maps (generator update, updates in the run) to the factor on both learning rates.

    Raises:
        UserError: for a critic with batch norm, or a count below 1.
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
        super().__init__(without_classes(spec))
        check_counts(n_critic=n_critic, g_batch_ratio=g_batch_ratio)
        self.generator = generator(self.spec)
        self.critic = critic(self.spec)
        if any(isinstance(layer, _BatchNorm) for layer in self.critic.modules()):
            raise UserError(
                "The gradient penalty is computed for each image separately, so the critic has no batch norm; "
                f"got it in {type(self.critic).__name__}. Set model.init_args.critic."
            )
        self.optimizer_factories = {"generator": generator_optimizer, "critic": critic_optimizer}
        self.schedule, self.gp_weight = schedule, gp_weight
        self.n_critic, self.g_batch_ratio = n_critic, g_batch_ratio

    def update(self, batch: Labelled) -> dict[str, Tensor]:
        generator_optimizer, critic_optimizer = self.optimizer_list()

        with self.toggled_optimizer(critic_optimizer):
            for real in batch.image:
                distance, penalty, outputs = self.critic_terms(real)
                optimizer_step(self, critic_optimizer, self.gp_weight * penalty - distance)

        with self.toggled_optimizer(generator_optimizer):
            loss_g = self.generator_loss(self.g_batch_ratio * len(real))
            optimizer_step(self, generator_optimizer, loss_g, count=True)

        return {"loss_g": loss_g, "distance": distance, "penalty": penalty} | logit_means(*outputs)

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
