"""SRGAN: super-resolution against a discriminator. Ledig et al., CVPR 2017."""

from collections.abc import Callable

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from lightning_cgan import keyed
from lightning_cgan.batch_check import ChecksBatches
from lightning_cgan.batches import EvalOutput, Paired, PairSpec, SourceImages
from lightning_cgan.config.stored_model import Loadable
from lightning_cgan.interfaces import EvaluationFacts
from lightning_cgan.losses.content import RESCALING, content_loss
from lightning_cgan.losses.gan import discriminator_loss, non_saturating
from lightning_cgan.networks import srresnet
from lightning_cgan.networks.checkpoint_weights import frozen, trained_weights
from lightning_cgan.optimize import Adam, logit_means, optimizer_step, should_log, with_lr_lambda
from lightning_cgan.schedules.learning_rate import a_tenth_in_second_half


class SRGAN(EvaluationFacts, Loadable, ChecksBatches):
    """A trained SRResNet goes on with a perceptual loss, Equation 3: content, and a discriminator's opinion.

    Discriminator and generator take turns, one update each. The defaults are the paper's; it trains for 2 * 10^5
    updates with batches of 16 crops of 96 pixels.

    Args:
        spec: of the data, linked from the data module.
        init_checkpoint: path of a checkpoint of SRResNet with the same generator, whose weights the run starts with;
            None starts from random ones.
        generator: maps the spec to a network, low resolutions -> images.
        discriminator: maps the spec to a network, images (B, C, size, size) -> (B,) logits.
        features: makes a network, images in [-1, 1] -> maps, whose features are the content: Equation 5, SRGAN-VGG54
            with VGG-19's relu5_4. None takes the pixels' mean squared error, the paper's
            SRGAN-MSE. It is made when training starts, stays as it is, and is not in the checkpoints.
        rescaling: a factor on the features. The paper's is for VGG-19.
        pixel_weight: of the pixels' mean squared error beside the features, which the paper does without and many
            programs have; it keeps colours that the features do not see.
        adversarial_weight: of the discriminator's opinion in the generator's loss.
        generator_optimizer: maps parameters to an optimizer.
        discriminator_optimizer: maps parameters to an optimizer.
        schedule: maps (update, updates in all) to the factor on both learning rates.
    """

    training_batch = Paired

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
        schedule: Callable[[int, int], float] = a_tenth_in_second_half,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.judges: tuple[nn.Module, ...] = ()  # in a tuple it is no submodule: no optimizer or checkpoint holds it
        self.spec = spec
        self.init_checkpoint = init_checkpoint
        self.generator = generator(spec)
        self.discriminator = discriminator(spec)
        self.features = features
        self.rescaling = rescaling
        self.pixel_weight = pixel_weight
        self.adversarial_weight = adversarial_weight
        self.generator_optimizer = generator_optimizer
        self.discriminator_optimizer = discriminator_optimizer
        self.schedule = schedule

    def check(self, trainer: Trainer) -> None:
        """Refuses what it cannot start from; the command line asks before it touches an earlier run."""
        if self.init_checkpoint and not trainer.ckpt_path:
            trained_weights(self.init_checkpoint, self.generator, "generator.")
        self.setup("fit")

    def setup(self, stage: str) -> None:
        if stage == "fit" and self.features is not None and not self.judges:
            self.judges = (frozen(self.features()),)

    def on_fit_start(self) -> None:
        if self.init_checkpoint and not self.trainer.ckpt_path:  # a run that goes on has weights of its own
            self.generator.load_state_dict(trained_weights(self.init_checkpoint, self.generator, "generator."))
        self.judges = tuple(network.to(self.device) for network in self.judges)

    def training_step(self, batch: Paired, batch_idx: int) -> None:
        keyed.reseed("train", self.global_step, self.global_rank)
        generator_optimizer, discriminator_optimizer = self.optimizers()
        (low,), (high,) = batch

        with self.toggled_optimizer(discriminator_optimizer):
            loss, logits = self.discriminator_loss(low, high)
            optimizer_step(self, discriminator_optimizer, loss)

        with self.toggled_optimizer(generator_optimizer):
            content, adversarial = self.perceptual_loss(low, high)
            generator_loss = content + self.adversarial_weight * adversarial
            optimizer_step(self, generator_optimizer, generator_loss, count=True)

        for scheduler in self.lr_schedulers():
            scheduler.step()
        if should_log(self):
            terms = {"train/content": content, "train/adversarial": adversarial}
            losses = {"train/loss_d": loss, "train/loss_g": generator_loss}
            self.log_dict(losses | terms | logit_means(*logits), prog_bar=True)

    def discriminator_loss(self, low: Tensor, high: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Equation 2 for the discriminator, and its logits of true and of generated images.

        It is called twice, so that batch norm sees each kind by itself.
        """
        with torch.no_grad():
            fake = self.generator(low)
        logits = self.discriminator(high).float(), self.discriminator(fake).float()
        return discriminator_loss(*logits), logits

    def perceptual_loss(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """The two terms of Equation 3: the content loss and, without its weight, the adversarial loss of Equation 6.

        The latter is a mean over the batch, the former a mean over batch and places.
        """
        fake = self.generator(low)
        content = content_loss(fake, high, mse_loss, self.judges, self.rescaling)
        if self.judges and self.pixel_weight:
            content = content + self.pixel_weight * mse_loss(fake.float(), high)
        return content, non_saturating(self.discriminator(fake).float())

    def forward(self, low: Tensor) -> Tensor:
        """Low resolutions (B, C, h, w) in [-1, 1] of any size to images (B, C, scale h, scale w) in [-1, 1]."""
        return self.generator(low).float().clamp(-1, 1)

    def validation_step(self, batch: Paired, batch_idx: int) -> EvalOutput:
        return EvalOutput(real=batch.b, fake=self(batch.a), source=batch.a)

    test_step = validation_step

    def predict_step(self, batch: SourceImages, batch_idx: int) -> EvalOutput:
        fake = self(batch.image)
        return EvalOutput(real=fake[:0], fake=fake, source=batch.image)

    def configure_optimizers(self) -> tuple[list[Optimizer], list[LRScheduler]]:
        optimizers = [
            self.generator_optimizer(self.generator.parameters()),
            self.discriminator_optimizer(self.discriminator.parameters()),
        ]
        return with_lr_lambda(self, optimizers, self.schedule)
