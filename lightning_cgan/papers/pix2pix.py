"""Image-to-image translation with conditional adversarial networks. Isola et al., CVPR 2017."""

from collections.abc import Callable

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from torch.nn.functional import l1_loss
from torch.nn.modules.dropout import _DropoutNd

from lightning_cgan import keyed
from lightning_cgan.batches import Paired, PairSpec, to_bytes
from lightning_cgan.errors import UserError
from lightning_cgan.interfaces import EACH_BATCH, EACH_IMAGE, RUNNING, statistics_of
from lightning_cgan.losses.gan import discriminator_loss, non_saturating
from lightning_cgan.networks import patchgan, unet
from lightning_cgan.networks.blocks.any_size import check_tiles, tiled
from lightning_cgan.networks.blocks.switches import NormStatistics, drawing_from, switched
from lightning_cgan.optimize import Adam, logit_means, optimizer_step
from lightning_cgan.papers.kinds import Translation
from lightning_cgan.schedules.learning_rate import constant


class Pix2Pix(Translation):
    """A generator that turns a picture a into its partner b, against a discriminator that sees both.

    Equation 4: G* = arg min_G max_D L_cGAN(G, D) + weight * L_L1(G). The paper compares five losses:

        L1         gan_weight 0            no discriminator is built
        GAN        l1_weight 0             conditional False
        cGAN       l1_weight 0
        L1+GAN                             conditional False
        L1+cGAN    the defaults

    The generator draws its noise by dropout alone, at test as in training (Section 3.1). It translates images of any
    size, whatever size it was trained on, and each by itself.

    Args:
        spec: of the data, linked from the data module.
        generator: maps the spec to a network, images of a -> images of b in [-1, 1]. Sides that are no multiple of its
            ``multiple``, if it says one, are padded.
        discriminator: maps the number of channels it sees to a network, images -> a map of logits. It may say the
            ``smallest`` side that it takes.
        l1_weight: of the mean absolute difference to b, 100 in the paper.
        gan_weight: of the adversarial loss.
        conditional: whether the discriminator sees a, in front of b or its imitation.
        generator_optimizer: maps parameters to an optimizer.
        discriminator_optimizer: maps parameters to an optimizer.
        schedule: maps (generator update, updates in all) to the factor on both learning rates. The paper keeps them
            as they are; the published PyTorch code has ``ConstantThenLinear``.
        pad: mirror images up to a size that the generator takes, and cut what comes out back.
        dropout_at_test: whether the generator drops at test too. What is dropped is a function of the image and a seed.
        statistics_at_test: of its batch norm. The paper takes those of the test batch (Section 3.3), which in its code
            is one image: ``image``. ``batch`` takes those of all images of a call: a translation then depends on what
            else is translated with it. ``running`` takes those gathered in training. Instance norm has no choice.
        tile: at test, larger images are translated in squares of so many pixels, each by itself; as a whole when None.
        overlap: pixels over which neighbouring squares fade into each other.

    Raises:
        UserError: if both weights are 0 or one is negative, if the domains differ in size, for sizes that the
            networks cannot take, or an overlap that is not below the tile.
    """

    def __init__(
        self,
        spec: PairSpec,
        generator: Callable[[PairSpec], nn.Module] = unet.UNet,
        discriminator: Callable[[int], nn.Module] = patchgan.PatchGAN,
        l1_weight: float = 100.0,
        gan_weight: float = 1.0,
        conditional: bool = True,
        generator_optimizer: OptimizerCallable = lambda p: Adam(p, lr=2e-4, beta1=0.5, beta2=0.999),
        discriminator_optimizer: OptimizerCallable = lambda p: Adam(p, lr=2e-4, beta1=0.5, beta2=0.999),
        schedule: Callable[[int, int], float] = constant,
        pad: bool = True,
        dropout_at_test: bool = True,
        statistics_at_test: NormStatistics = NormStatistics.image,
        tile: int | None = None,
        overlap: int = 32,
    ) -> None:
        super().__init__(spec)
        check_weights(l1_weight, gan_weight)
        self.generator = generator(spec)
        seen = spec.channels_a * conditional + spec.channels_b
        self.discriminator = discriminator(seen) if gan_weight else nn.Identity()
        self.l1_weight, self.gan_weight, self.conditional = l1_weight, gan_weight, conditional
        self.optimizer_factories = {"generator": generator_optimizer}
        if gan_weight:
            self.optimizer_factories["discriminator"] = discriminator_optimizer
        self.schedule = schedule
        self.pad, self.tile, self.overlap = pad, tile, overlap
        self.dropout_at_test, self.statistics_at_test = dropout_at_test, statistics_at_test
        self.largest_batch = 0  # of the evaluation: most images that shared the statistics of batch norm
        self.check_sizes([self.generator], [self.discriminator])
        if tile is not None:
            check_tiles(tile, overlap)
            self.check_sides(self.generator, tile, tile)

    def update(self, batch: Paired) -> dict[str, Tensor]:
        (a,), (b,) = batch
        generator_optimizer, *discriminator_optimizers = self.optimizer_list()
        fake = self.generated(a)
        losses = {}

        for optimizer in discriminator_optimizers:  # none with gan_weight 0
            with self.toggled_optimizer(optimizer):
                losses["loss_d"], logits = self.discriminator_loss(a, b, fake.detach())
                optimizer_step(self, optimizer, losses["loss_d"])
            losses |= logit_means(*logits)

        with self.toggled_optimizer(generator_optimizer):
            loss_g, terms = self.generator_loss(a, b, fake)
            optimizer_step(self, generator_optimizer, loss_g, count=True)

        return losses | {"loss_g": loss_g} | terms

    def discriminator_loss(self, a: Tensor, b: Tensor, fake: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Minus Equation 1, halved "to slow down the rate at which D learns" (Section 3.3), and the logits of both.

        The discriminator is called twice, so that batch norm sees each kind by itself.
        """
        logits = self.judged(a, b), self.judged(a, fake)
        return discriminator_loss(*logits) / 2, logits

    def generator_loss(self, a: Tensor, b: Tensor, fake: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Equation 4 with -log D for log(1 - D), and its two terms without their weights, as far as they count."""
        total, terms = torch.zeros((), device=fake.device), {}
        if self.gan_weight:
            terms["gan"] = non_saturating(self.judged(a, fake))
            total = total + self.gan_weight * terms["gan"]
        if self.l1_weight:
            terms["l1"] = l1_loss(fake, b)
            total = total + self.l1_weight * terms["l1"]
        return total, terms

    def judged(self, a: Tensor, b: Tensor) -> Tensor:
        """The discriminator's map of logits (B, 1, h, w) for b, real or not, as partners of a."""
        return self.discriminator(torch.cat([a, b], 1) if self.conditional else b).float()

    def generated(self, source: Tensor) -> Tensor:
        """Images (B, channels_a, H, W) to (B, channels_b, H, W), both in [-1, 1], by the generator in its own mode.

        Raises:
            UserError: for sides that the generator cannot take, with ``pad`` off.
        """
        return self.translated(self.generator, source)

    def forward(self, source: Tensor, seed: int = 0) -> Tensor:
        """The same as :meth:`translate`, with gradients."""
        if not len(source):  # a process without images of the last batch
            return source.new_zeros(0, self.spec.channels_b, *source.shape[-2:])
        together = len(source) if self.statistics_at_test is NormStatistics.batch else 1
        self.largest_batch = max(self.largest_batch, together)
        with switched(self.generator, self.dropout_at_test, self.statistics_at_test is not NormStatistics.running):
            return torch.cat([self.drawn(part, seed) for part in source.split(together)])

    @torch.no_grad()
    def translate(self, source: Tensor, seed: int = 0) -> Tensor:
        """The translation of images (B, channels_a, H, W) in [-1, 1], whatever mode the module is in.

        Each image by itself, so it becomes the same alone and among others, unless ``statistics_at_test`` is ``batch``.

        Args:
            source: of a.
            seed: another one gives other dropout, if that is on at test.

        Raises:
            UserError: for sides that the generator cannot take, with ``pad`` off.
        """
        return self(source, seed)

    def drawn(self, source: Tensor, seed: int) -> Tensor:
        """The translation of ``source`` in one call, or one call a tile; its content keys what is dropped."""
        key = keyed.seed_of("dropout", keyed.content_key(to_bytes(source)), seed=seed)
        with drawing_from(key, source.device):
            if self.tile is None:
                return self.generated(source)
            return tiled(self.generated, source, self.tile, self.overlap)

    def eval_norm(self) -> str:
        taken = {
            NormStatistics.image: EACH_IMAGE,
            NormStatistics.batch: f"{EACH_BATCH} of up to {self.largest_batch} images",
            NormStatistics.running: RUNNING,
        }
        said = statistics_of([self.generator], taken[self.statistics_at_test])
        return said if self.tile is None else said.replace("image", "tile")

    def eval_dropout(self) -> str:
        drops = any(isinstance(layer, _DropoutNd) and layer.p for layer in self.generator.modules())
        return "on" if self.dropout_at_test and drops else "off"

    def on_validation_start(self) -> None:
        self.largest_batch = 0

    on_test_start = on_validation_start

    def scored(self, source: Tensor) -> Tensor:
        return self(source, keyed.run_seed())


def check_weights(l1_weight: float, gan_weight: float) -> None:
    if min(l1_weight, gan_weight) < 0 or max(l1_weight, gan_weight) <= 0:
        raise UserError(
            f"The generator needs a loss: two weights of 0 or more, not both 0; got {l1_weight} and {gan_weight}. "
            "Set model.init_args.l1_weight or model.init_args.gan_weight."
        )
