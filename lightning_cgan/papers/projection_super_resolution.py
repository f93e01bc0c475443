"""Super-resolution with a projection discriminator. Miyato & Koyama, ICLR 2018, Section 5.3."""

from collections.abc import Callable

import torch
from jsonargparse import lazy_instance
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn

from lightning_cgan import keyed
from lightning_cgan.batches import EvalBatch, EvalOutput, ImageSpec, Labelled, LatentBatch, to_bytes
from lightning_cgan.checks import check_counts, common_scale
from lightning_cgan.errors import UserError
from lightning_cgan.interfaces import without_classes
from lightning_cgan.losses.hinge import discriminator_hinge, generator_hinge
from lightning_cgan.networks import projection_super_resolution as networks
from lightning_cgan.optimize import Adam, logit_means, optimizer_step
from lightning_cgan.papers.kinds import Generating
from lightning_cgan.schedules.learning_rate import ConstantThenLinear


class ProjectionSuperResolution(Generating):
    """Super-resolution by a GAN whose projection discriminator takes the low resolution as its condition.

    There is no pixel loss: only the discriminator makes an image agree with its low resolution, which is computed from
    the image, so any image data can be used; labels are used only for scores. The generator's update uses the low
    resolutions of the last real batch with new noise; the authors' code uses a separate batch. The defaults are the
    paper's for ImageNet, 32 to 128 pixels.

    Args:
        spec: of the data, linked from the data module.
        generator: maps the spec to a network (low (B, C, h, w), noise (B, latent_dim)) -> (B, C, H, W) in [-1, 1].
        discriminator: maps the spec to a network (images, low) -> (B,) logits. Both declare their ``scale``.
        generator_optimizer: maps parameters to an optimizer.
        discriminator_optimizer: maps parameters to an optimizer.
        n_critic: discriminator updates per generator update, each on a batch of its own.
        schedule: maps (generator update, updates in the run) to the factor on both learning rates.

    Raises:
        UserError: for networks of different scales, or ``n_critic`` below 1.
    """

    def __init__(
        self,
        spec: ImageSpec,
        generator: Callable[[ImageSpec], nn.Module] = networks.Generator,
        discriminator: Callable[[ImageSpec], nn.Module] = networks.Discriminator,
        generator_optimizer: OptimizerCallable = lambda p: Adam(p, lr=2e-4, beta1=0.0, beta2=0.9),
        discriminator_optimizer: OptimizerCallable = lambda p: Adam(p, lr=2e-4, beta1=0.0, beta2=0.9),
        n_critic: int = 5,
        schedule: Callable[[int, int], float] = lazy_instance(ConstantThenLinear, start=50_000),
    ) -> None:
        super().__init__(spec)
        check_counts(n_critic=n_critic)
        self.generator = generator(without_classes(spec))
        self.discriminator = discriminator(without_classes(spec))
        self.scale = common_scale(self.generator, self.discriminator)
        self.optimizer_factories = {"generator": generator_optimizer, "discriminator": discriminator_optimizer}
        self.schedule, self.n_critic = schedule, n_critic

    def update(self, batch: Labelled) -> dict[str, Tensor]:
        generator_optimizer, discriminator_optimizer = self.optimizer_list()

        with self.toggled_optimizer(discriminator_optimizer):
            for real in batch.image:
                low = networks.reduced(real, self.scale)
                loss_d, logits = self.discriminator_loss(real, low)
                optimizer_step(self, discriminator_optimizer, loss_d)

        with self.toggled_optimizer(generator_optimizer):
            loss_g = self.generator_loss(low)
            optimizer_step(self, generator_optimizer, loss_g, count=True)

        return {"loss_d": loss_d, "loss_g": loss_g} | logit_means(*logits)

    def discriminator_loss(self, real: Tensor, low: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """The hinge loss of real images and of generated ones with the same low resolutions, and the logits of both."""
        with torch.no_grad():
            fake = self.generator(low, self.noise(len(low)))
        logits = self.discriminator(torch.cat([real, fake]), torch.cat([low, low]))
        real_logits, fake_logits = logits.float().split([len(real), len(fake)])
        return discriminator_hinge(real_logits, fake_logits), (real_logits, fake_logits)

    def generator_loss(self, low: Tensor) -> Tensor:
        """Minus the mean logit of a new image for each low resolution."""
        return generator_hinge(self.discriminator(self.generator(low, self.noise(len(low))), low).float())

    def forward(self, low: Tensor, noise: Tensor) -> Tensor:
        """Low resolutions (B, C, h, w) in [-1, 1] and noise (B, latent_dim) to images (B, C, H, W) in [-1, 1]."""
        return self.generator(low, noise).float()

    @torch.no_grad()
    def enlarge(self, low: Tensor, seed: int = 0) -> Tensor:
        """Images (B, C, H, W) for low resolutions (B, C, h, w), both in [-1, 1]; put the module in eval mode first.

        Noise is a function of the seed and the low resolution, so a result does not depend on the rest of the batch.
        ``networks.projection_super_resolution.reduced`` makes low resolutions of images.
        """
        key = keyed.content_keys(to_bytes(low))
        return self(low, keyed.normal("enlarge", key, self.latent_dim, seed=seed))

    def evaluate(self, batch: EvalBatch) -> EvalOutput:
        """One image for each real one; ``batch.latent`` is not used."""
        low = networks.reduced(batch.image, self.scale)
        fake = self.enlarge(low, keyed.run_seed())
        source = low.repeat_interleave(self.scale, -1).repeat_interleave(self.scale, -2)
        return EvalOutput(batch.image, fake, batch.label if self.spec.num_classes else None, source=source)

    def predict_step(self, batch: LatentBatch, batch_idx: int) -> None:
        raise UserError(
            "Super-resolution starts from images; got noise only. Run `test`, which enlarges its test images, or call "
            "enlarge() of the model that lightning_cgan.load returns."
        )
