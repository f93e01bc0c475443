"""SRGAN: super-resolution against a discriminator. Ledig et al., CVPR 2017."""

from collections.abc import Callable

import torch
from jsonargparse import lazy_instance
from lightning.pytorch import Trainer
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from lightning_cgan.batches import Paired, PairSpec
from lightning_cgan.losses.content import RESCALING, content_loss
from lightning_cgan.losses.gan import discriminator_loss, non_saturating
from lightning_cgan.networks import srresnet
from lightning_cgan.networks.checkpoint_weights import trained_weights
from lightning_cgan.optimize import Adam, logit_means, optimizer_step
from lightning_cgan.papers.kinds import SuperResolution
from lightning_cgan.schedules.learning_rate import StepDecay


class SRGAN(SuperResolution):
    """Trains a trained SRResNet further with the perceptual loss of Equation 3: content and adversarial loss.

    Discriminator and generator alternate, one update each. The defaults are the paper's; it trains for 2 * 10^5
    updates with batches of 16 crops of 96 pixels.

    Args:
        spec: of the data, linked from the data module.
        init_checkpoint: path of a checkpoint of SRResNet with the same generator, for initial weights; None: random.
        generator: maps the spec to a network, low resolutions -> images.
        discriminator: maps the spec to a network, images (B, C, size, size) -> (B,) logits.
        features: makes a frozen network for training, images in [-1, 1] -> feature maps of the content loss:
            Equation 5, SRGAN-VGG54 with VGG-19's relu5_4; not in checkpoints. None: the MSE of pixels, SRGAN-MSE.
        rescaling: a factor on the features. The paper's is for VGG-19.
        pixel_weight: weight of the MSE of pixels beside the features, which preserves colours; 0 in the paper.
        adversarial_weight: weight of the adversarial loss in the generator's loss.
        generator_optimizer: maps parameters to an optimizer.
        discriminator_optimizer: maps parameters to an optimizer.
        schedule: maps (update, updates in the run) to the factor on both learning rates.
    """

    def __init__(
        self,
        spec: PairSpec,
        init_checkpoint: str | None,
        generator: Callable[[PairSpec], nn.Module] = srresnet.Generator,
        discriminator: Callable[[PairSpec], nn.Module] = srresnet.Discriminator,
        features: Callable[[], nn.Module] | None = None,
        rescaling: float = RESCALING,
        pixel_weight: float = 0.0,
        adversarial_weight: float = 1e-3,
        generator_optimizer: OptimizerCallable = lambda p: Adam(p, lr=1e-4, beta1=0.9, beta2=0.999),
        discriminator_optimizer: OptimizerCallable = lambda p: Adam(p, lr=1e-4, beta1=0.9, beta2=0.999),
        schedule: Callable[[int, int], float] = lazy_instance(StepDecay),
    ) -> None:
        super().__init__(spec)
        self.generator = generator(spec)
        self.discriminator = discriminator(spec)
        self.init_checkpoint, self.features, self.rescaling = init_checkpoint, features, rescaling
        self.pixel_weight, self.adversarial_weight = pixel_weight, adversarial_weight
        self.optimizer_factories = {"generator": generator_optimizer, "discriminator": discriminator_optimizer}
        self.schedule = schedule

    def check(self, trainer: Trainer) -> None:
        super().check(trainer)
        if self.init_checkpoint and not trainer.ckpt_path:
            trained_weights(self.init_checkpoint, self.generator, "generator.")

    def on_fit_start(self) -> None:
        super().on_fit_start()
        if self.init_checkpoint and not self.trainer.ckpt_path:  # a resumed run loads its own weights
            self.generator.load_state_dict(trained_weights(self.init_checkpoint, self.generator, "generator."))

    def update(self, batch: Paired) -> dict[str, Tensor]:
        (low,), (high,) = batch
        generator_optimizer, discriminator_optimizer = self.optimizer_list()

        with self.toggled_optimizer(discriminator_optimizer):
            loss_d, logits = self.discriminator_loss(low, high)
            optimizer_step(self, discriminator_optimizer, loss_d)

        with self.toggled_optimizer(generator_optimizer):
            content, adversarial = self.perceptual_loss(low, high)
            loss_g = content + self.adversarial_weight * adversarial
            optimizer_step(self, generator_optimizer, loss_g, count=True)

        losses = {"loss_d": loss_d, "loss_g": loss_g, "content": content, "adversarial": adversarial}
        return losses | logit_means(*logits)

    def discriminator_loss(self, low: Tensor, high: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Equation 2, and the logits of true and generated images, in separate calls for batch norm."""
        with torch.no_grad():
            fake = self.generator(low)
        logits = self.discriminator(high).float(), self.discriminator(fake).float()
        return discriminator_loss(*logits), logits

    def perceptual_loss(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Content loss, a mean over batch and pixels, and adversarial loss (Equation 6), a mean over the batch."""
        fake = self.generator(low)
        content = content_loss(fake, high, mse_loss, self.frozen, self.rescaling)
        if self.frozen and self.pixel_weight:
            content = content + self.pixel_weight * mse_loss(fake.float(), high)
        return content, non_saturating(self.discriminator(fake).float())
