"""cGANs with projection discriminator. Miyato & Koyama, ICLR 2018."""

from collections.abc import Callable
from typing import ClassVar

import torch
from jsonargparse import lazy_instance
from lightning.pytorch import Trainer
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lightning_cgan.batches import ImageSpec, Labelled, LatentBatch, blended, class_labels
from lightning_cgan.checks import check_counts
from lightning_cgan.interfaces import with_classes
from lightning_cgan.losses.hinge import discriminator_hinge, generator_hinge
from lightning_cgan.networks import sngan
from lightning_cgan.networks.checkpoint_weights import trained_weights
from lightning_cgan.optimize import Adam, logit_means, optimizer_step
from lightning_cgan.papers.kinds import ClassConditional
from lightning_cgan.schedules.learning_rate import ConstantThenLinear


class ProjectionGAN(ClassConditional):
    """A GAN with conditional batch norm in the generator and a spectrally normalised projection discriminator.

    Each generator update follows ``n_critic`` discriminator updates on as many fresh real batches. Both learning
    rates fall linearly to zero at the end of the run. The defaults are the paper's for CIFAR-10.

    The paper's fine-tuning adds a trained classifier's cross-entropy to the generator's loss: set ``classifier`` and
    either ``classifier_start``, or ``init_checkpoint`` and a short run.

    Args:
        spec: of the data, linked from the data module.
        generator: maps the spec to a network (noise (B, latent_dim), labels (B,)) -> (B, C, H, W) in [-1, 1].
        discriminator: maps the spec to a network (images, labels) -> (B,) logits.
        generator_optimizer: maps parameters to an optimizer.
        discriminator_optimizer: maps parameters to an optimizer.
        n_critic: discriminator updates per generator update, each on a batch of its own.
        g_batch_ratio: batch size of the generator divided by that of the discriminator; 2 in the authors' code.
        schedule: maps (generator update, updates in the run) to the factor on both learning rates.
        classifier: maps the spec to a trained, frozen network, images -> (B, num_classes) logits; not in checkpoints.
        classifier_weight: weight of its cross-entropy in the generator's loss; the paper does not give it.
        classifier_start: first generator update with the classifier's loss, counted from 0.
        init_checkpoint: path of a checkpoint of the same networks, for the initial weights.

    Raises:
        UserError: for data without classes, or a count below 1.
    """

    mixes_classes: ClassVar[bool] = True

    def __init__(
        self,
        spec: ImageSpec,
        generator: Callable[[ImageSpec], nn.Module] = sngan.Generator,
        discriminator: Callable[[ImageSpec], nn.Module] = sngan.Discriminator,
        generator_optimizer: OptimizerCallable = lambda p: Adam(p, lr=2e-4, beta1=0.0, beta2=0.9),
        discriminator_optimizer: OptimizerCallable = lambda p: Adam(p, lr=2e-4, beta1=0.0, beta2=0.9),
        n_critic: int = 5,
        g_batch_ratio: int = 2,
        schedule: Callable[[int, int], float] = lazy_instance(ConstantThenLinear, start=0),
        classifier: Callable[[ImageSpec], nn.Module] | None = None,
        classifier_weight: float = 0.1,
        classifier_start: int = 0,
        init_checkpoint: str | None = None,
    ) -> None:
        super().__init__(with_classes(spec, "The projection discriminator"))
        check_counts(n_critic=n_critic, g_batch_ratio=g_batch_ratio)
        self.generator = generator(spec)
        self.discriminator = discriminator(spec)
        self.optimizer_factories = {"generator": generator_optimizer, "discriminator": discriminator_optimizer}
        self.schedule, self.init_checkpoint = schedule, init_checkpoint
        self.n_critic, self.g_batch_ratio = n_critic, g_batch_ratio
        self.classifier, self.classifier_weight = classifier, classifier_weight
        self.classifier_start = classifier_start

    def update(self, batch: Labelled) -> dict[str, Tensor]:
        generator_optimizer, discriminator_optimizer = self.optimizer_list()

        with self.toggled_optimizer(discriminator_optimizer):
            for real, label in zip(*batch, strict=True):
                loss_d, logits = self.discriminator_loss(real, label)
                optimizer_step(self, discriminator_optimizer, loss_d)

        with self.toggled_optimizer(generator_optimizer):
            loss_g = self.generator_loss(self.g_batch_ratio * len(label))
            optimizer_step(self, generator_optimizer, loss_g, count=True)

        return {"loss_d": loss_d, "loss_g": loss_g} | logit_means(*logits)

    def discriminator_loss(self, real: Tensor, label: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """The hinge loss, and the logits of real and generated images, in one call for one power iteration."""
        with torch.no_grad():
            fake, fake_label = self.fakes(len(real))
        logits = self.discriminator(torch.cat([real, fake]), torch.cat([label, fake_label]))
        real_logits, fake_logits = logits.float().split([len(real), len(fake)])
        return discriminator_hinge(real_logits, fake_logits), (real_logits, fake_logits)

    def generator_loss(self, count: int) -> Tensor:
        """Minus the mean logit of ``count`` new images; in fine-tuning, plus the classifier's weighted loss."""
        fake, label = self.fakes(count)
        loss = generator_hinge(self.discriminator(fake, label).float())
        if self.frozen and self.global_step >= self.classifier_start:
            (classifier,) = self.frozen
            loss = loss + self.classifier_weight * cross_entropy(classifier(fake).float(), label)
        return loss

    def make_frozen(self) -> tuple[nn.Module, ...]:
        return () if self.classifier is None else (self.classifier(self.spec),)

    def check(self, trainer: Trainer) -> None:
        super().check(trainer)
        if self.init_checkpoint and not trainer.ckpt_path:
            trained_weights(self.init_checkpoint, self)

    def on_fit_start(self) -> None:
        super().on_fit_start()
        if self.init_checkpoint and not self.trainer.ckpt_path:  # a resumed run loads its own weights
            self.load_state_dict(trained_weights(self.init_checkpoint, self))

    @torch.no_grad()
    def morph(self, first: int, second: int, steps: int = 9, count: int = 1, seed: int = 0) -> Tensor:
        """Images (count, steps, C, H, W) interpolated between two classes; put the module in eval mode first.

        Every conditional norm mixes the gains and biases of the classes with weights (1 - t, t); the noise is fixed.

        Args:
            first: class at t = 0.
            second: class at t = 1.
            steps: images per path, both ends included.
            count: number of paths, each with its own noise: that of ``sample`` with the same seed.
            seed: of the noise.

        Raises:
            UserError: for classes that the data set does not have.
        """
        pair = class_labels([first, second], 2, self.spec.num_classes).to(self.device)
        share = torch.linspace(0, 1, steps, device=self.device).repeat(count)
        noise_id = torch.arange(count, device=self.device).repeat_interleave(steps)
        label = blended(pair.expand(len(noise_id), 2), share, self.spec.num_classes)
        return self.generate(LatentBatch(label, noise_id), seed).unflatten(0, (count, steps))
