"""Progressive growing of GANs. Karras et al., ICLR 2018."""

from collections.abc import Callable

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.cli import OptimizerCallable
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy, interpolate
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from lightning_cgan.batches import ImageSpec, Labelled, LatentBatch
from lightning_cgan.checks import check_positive
from lightning_cgan.clock import updates_of_run
from lightning_cgan.interfaces import HasGroupSize, with_classes, without_classes
from lightning_cgan.losses.penalties import gradient_penalty
from lightning_cgan.losses.wasserstein import critic_loss, drift, generator_loss
from lightning_cgan.networks import progan
from lightning_cgan.optimize import Adam, logit_means, optimizer_step
from lightning_cgan.papers.kinds import ClassConditional
from lightning_cgan.schedules.learning_rate import rampup
from lightning_cgan.schedules.progressive_growing import Growth, Stage

BATCH_SIZES = {4: 16, 256: 14, 512: 6, 1024: 3}  # from each resolution on
LossAndScores = tuple[Tensor, tuple[Tensor, Tensor]]  # discriminator loss, its scores of real and generated images


class ProGAN(ClassConditional):
    """A GAN whose networks grow together from 4x4 pixels, with the WGAN-GP loss and an average of the generator.

    Each generator update follows one discriminator update on fresh real images. All layers exist from the start; those
    above the current resolution are not used. Evaluation, samples and predictions use the average at the resolution
    last trained, upsampled to full size by nearest neighbour and clamped to [-1, 1]. ``batch_sizes`` replaces
    ``data.init_args.batch_size``. The defaults are the paper's for CelebA-HQ at 1024x1024.

    Args:
        spec: of the data, linked from the data module.
        generator: maps the spec to a network (noise, labels, resolution, alpha) -> images.
        discriminator: maps the spec to a network (images, alpha) -> (scores (B,), class logits (B, num_classes)).
        generator_optimizer: maps parameters to an optimizer.
        discriminator_optimizer: maps parameters to an optimizer.
        conditional: whether the generator takes the label and the discriminator classifies it, as in AC-GAN.
        stable_kimg: thousands of real images between two fades.
        fade_kimg: thousands of real images in a fade.
        batch_sizes: real images in a batch over all processes, from each resolution on; None: the paper's.
        start_resolution: first resolution in pixels; the full one: no growth.
        rampup_kimg: thousands of real images over which the learning rates rise.
        gp_weight: weight of the gradient penalty (lambda).
        gamma: target norm of the gradient in the penalty; 750 for the paper's CIFAR-10.
        drift_weight: weight of the discriminator's squared scores of real images.
        class_weight: weight of each class loss.
        ema_decay: of the moving average of the generator, per update.
        simultaneous: update both networks from their weights before the update and on the same generated images, as for
            the paper's CIFAR-10, rather than the generator after the discriminator.

    Raises:
        UserError: for sizes that are not powers of two from 4 on, lengths below 0, a gamma that is not above 0, batch
            sizes that omit a resolution, or ``conditional`` without classes; when training starts, for batches that do
            not divide by the processes or the groups of the minibatch standard deviation.
    """

    def __init__(
        self,
        spec: ImageSpec,
        generator: Callable[[ImageSpec], nn.Module] = progan.Generator,
        discriminator: Callable[[ImageSpec], nn.Module] = progan.Discriminator,
        generator_optimizer: OptimizerCallable = lambda p: Adam(p, lr=1e-3, beta1=0.0, beta2=0.99),
        discriminator_optimizer: OptimizerCallable = lambda p: Adam(p, lr=1e-3, beta1=0.0, beta2=0.99),
        conditional: bool = False,
        stable_kimg: float = 800,
        fade_kimg: float = 800,
        batch_sizes: dict[int, int] | None = None,
        start_resolution: int = 4,
        rampup_kimg: float = 40,
        gp_weight: float = 10.0,
        gamma: float = 1.0,
        drift_weight: float = 1e-3,
        class_weight: float = 1.0,
        ema_decay: float = 0.999,
        simultaneous: bool = False,
    ) -> None:
        super().__init__(with_classes(spec, "A conditional ProGAN") if conditional else without_classes(spec))
        check_positive(gamma=gamma)
        self.generator = generator(self.spec)
        self.discriminator = discriminator(self.spec)
        self.growth = Growth(start_resolution, spec.size, stable_kimg, fade_kimg, batch_sizes or BATCH_SIZES)
        self.ema = AveragedModel(self.generator, multi_avg_fn=get_ema_multi_avg_fn(ema_decay))
        self.ema.requires_grad_(False)
        self.trained: Tensor
        self.register_buffer("trained", torch.tensor(0))  # last update; gives a checkpoint its resolution
        self.optimizer_factories = {"generator": generator_optimizer, "discriminator": discriminator_optimizer}
        self.schedule = lambda update, _: rampup(self.growth.images(update) / 1000, rampup_kimg)
        self.gp_weight, self.gamma, self.drift_weight = gp_weight, gamma, drift_weight
        self.class_weight, self.simultaneous = class_weight, simultaneous

    def check(self, trainer: Trainer) -> None:
        """Also refuse batches that do not divide by processes or groups."""
        super().check(trainer)
        groups = self.discriminator.group_size if isinstance(self.discriminator, HasGroupSize) else None
        self.growth.check_shares(trainer.world_size, groups)

    def on_fit_start(self) -> None:
        """Warn if the run ends before the networks are fully grown."""
        super().on_fit_start()
        steps, needed = updates_of_run(self.trainer), self.growth.updates_to_full
        if steps <= needed:
            resolution, alpha = self.growth.stage(steps - 1)
            rank_zero_warn(
                f"The networks are fully grown after {needed} updates; {steps} end at resolution {resolution} with "
                f"alpha {alpha:.2f}. Set trainer.max_steps above {needed} or model.init_args.stable_kimg and fade_kimg."
            )

    def update(self, batch: Labelled) -> dict[str, Tensor]:
        stage = self.begin(self.global_step)
        real, label = at_stage(batch.image[0], stage), batch.label[0]
        with torch.set_grad_enabled(self.simultaneous):
            fakes = self.fakes_at(len(real), stage)

        if self.simultaneous:  # generator first: its gradient needs the discriminator before its update
            loss_g = self.update_generator(*fakes, stage)
            loss_d, scores = self.update_discriminator(real, label, *fakes, stage)
        else:
            loss_d, scores = self.update_discriminator(real, label, *fakes, stage)
            loss_g = self.update_generator(*self.fakes_at(len(real), stage), stage)

        self.ema.update_parameters(self.generator)
        return {"loss_d": loss_d, "loss_g": loss_g} | logit_means(*scores)

    def progress(self, update: int) -> dict[str, float]:
        resolution, alpha = self.growth.stage(update)
        kimg = self.growth.images(update + 1) / 1000
        return {"growth/resolution": float(resolution), "growth/alpha": alpha, "growth/kimg": kimg}

    def begin(self, update: int) -> Stage:
        """The stage of ``update``. Adam's state is reset where a fade starts or ends, as in the authors' code."""
        if self.growth.changes_phase(update):
            for optimizer in self.optimizer_list():
                optimizer.optimizer.state.clear()
        self.trained.fill_(update)
        return self.growth.stage(update)

    def update_discriminator(
        self, real: Tensor, label: Tensor, fake: Tensor, fake_label: Tensor, stage: Stage
    ) -> LossAndScores:
        _, optimizer = self.optimizer_list()
        with self.toggled_optimizer(optimizer):
            loss, scores = self.discriminator_loss(real, label, fake.detach(), fake_label, stage.alpha)
            optimizer_step(self, optimizer, loss)
        return loss, scores

    def update_generator(self, fake: Tensor, fake_label: Tensor, stage: Stage) -> Tensor:
        optimizer, _ = self.optimizer_list()
        with self.toggled_optimizer(optimizer):
            loss = self.generator_loss(fake, fake_label, stage.alpha)
            optimizer_step(self, optimizer, loss, count=True)
        return loss

    def discriminator_loss(
        self, real: Tensor, label: Tensor, fake: Tensor, fake_label: Tensor, alpha: float
    ) -> LossAndScores:
        """WGAN-GP with drift, and the class losses of real and generated images. Appendix A.1."""
        real_score, real_class = self.discriminator(real, alpha)
        fake_score, fake_class = self.discriminator(fake, alpha)
        loss = critic_loss(real_score.float(), fake_score.float())
        penalty = gradient_penalty(lambda image: self.discriminator(image, alpha)[0], real, fake, gamma=self.gamma)
        loss = loss + self.gp_weight * penalty + self.drift_weight * drift(real_score.float())
        loss = loss + self.class_loss(real_class, label) + self.class_loss(fake_class, fake_label)
        return loss, (real_score, fake_score)

    def generator_loss(self, fake: Tensor, fake_label: Tensor, alpha: float) -> Tensor:
        score, fake_class = self.discriminator(fake, alpha)
        return generator_loss(score.float()) + self.class_loss(fake_class, fake_label)

    def class_loss(self, logits: Tensor, label: Tensor) -> Tensor:
        """Cross-entropy of class logits (B, num_classes), weighted; 0 without classes."""
        if not self.spec.num_classes:
            return logits.new_zeros((), dtype=torch.float32)
        return self.class_weight * cross_entropy(logits.float(), label)

    def fakes_at(self, count: int, stage: Stage) -> tuple[Tensor, Tensor]:
        """Generated images (count, C, R, R) and their labels (count,), uniform over the classes."""
        noise = self.noise(count)
        label = torch.randint(max(self.spec.num_classes, 1), (count,), device=self.device)
        return self.generator(noise, label, *stage).float(), label

    def batch_size_at(self, update: int) -> int:
        return self.growth.batch_size(update)

    def forward(self, noise: Tensor, label: Tensor | None = None) -> Tensor:
        """Noise (B, latent_dim) and labels (B,) to images (B, C, H, W) in [-1, 1] of the data's size."""
        image = self.ema(noise, label, *self.growth.stage(int(self.trained))).float()
        return interpolate(image, size=self.spec.size).clamp(-1, 1)

    def evaluated_networks(self) -> dict[str, nn.Module]:
        return {"generator": self.ema}

    def fake_label(self, latent: LatentBatch) -> Tensor | None:
        return latent.label if self.spec.num_classes else None


def at_stage(image: Tensor, stage: Stage) -> Tensor:
    """Real images (B, C, H, W) averaged down to (B, C, R, R), in a fade blended with their average at R / 2."""
    image = avg_pool2d(image, image.shape[-1] // stage.resolution)
    return torch.lerp(progan.double(progan.halve(image)), image, stage.alpha) if stage.fading else image
