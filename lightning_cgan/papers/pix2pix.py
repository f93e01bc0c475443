"""Image-to-image translation with conditional adversarial networks. Isola et al., CVPR 2017."""

from collections.abc import Callable

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from torch.nn.functional import l1_loss
from torch.nn.modules.dropout import _DropoutNd

from lightning_cgan import keyed
from lightning_cgan.batches import Paired, PairSpec, to_bytes
from lightning_cgan.checks import check_weights
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
    """Paired translation from a to b by an L1 loss and a conditional GAN loss.

    Equation 4: G* = arg min_G max_D L_cGAN(G, D) + weight * L_L1(G). The paper compares five losses:

        L1         gan_weight 0            no discriminator is built
        GAN        l1_weight 0             conditional False
        cGAN       l1_weight 0
        L1+GAN                             conditional False
        L1+cGAN    the defaults

    Dropout is the generator's only noise, at test as in training (Section 3.1). Images of any size are translated, each
    independently of the others.

    Args:
        spec: of the data, linked from the data module.
        generator: maps the spec to a network, images of a -> images of b in [-1, 1]. It may declare ``multiple``.
        discriminator: maps its number of channels to a network, images -> a map of logits. It may declare ``smallest``.
        l1_weight: weight of the mean absolute difference to b, 100 in the paper.
        gan_weight: weight of the adversarial loss.
        conditional: whether the discriminator takes a, concatenated with real or generated b.
        generator_optimizer: maps parameters to an optimizer.
        discriminator_optimizer: maps parameters to an optimizer.
        schedule: maps (generator update, updates in the run) to the factor on both learning rates. Constant in the
            paper, ``ConstantThenLinear`` in the published PyTorch code.
        pad: mirror-pad images whose sides are no multiple of the generator's ``multiple``, and crop the output.
        dropout_at_test: whether dropout stays on at test, as a function of the image and a seed.
        statistics_at_test: of the generator's batch norm. ``image``: of each image, as in the paper's code; the paper
            says those of the test batch (Section 3.3). ``batch``: of all images of a call, so a translation depends on
            the rest of the batch. ``running``: gathered in training. No effect on instance norm.
        tile: at test, larger images are translated in independent squares of this side in pixels; None: as a whole.
        overlap: pixels over which neighbouring tiles are blended.

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
        check_weights(l1_weight=l1_weight, gan_weight=gan_weight)
        if not (l1_weight or gan_weight):
            raise UserError(
                "The generator needs a loss: two weights of 0 or more, not both 0; got 0 and 0. "
                "Set model.init_args.l1_weight or model.init_args.gan_weight."
            )
        self.generator = generator(spec)
        channels = spec.channels_a * conditional + spec.channels_b
        self.discriminator = discriminator(channels) if gan_weight else nn.Identity()
        self.l1_weight, self.gan_weight, self.conditional = l1_weight, gan_weight, conditional
        self.optimizer_factories = {"generator": generator_optimizer}
        if gan_weight:
            self.optimizer_factories["discriminator"] = discriminator_optimizer
        self.schedule, self.pad, self.tile, self.overlap = schedule, pad, tile, overlap
        self.dropout_at_test, self.statistics_at_test = dropout_at_test, statistics_at_test
        self.largest_batch = 0  # in this evaluation: most images that shared batch statistics
        self.check_sizes([self.generator], [self.discriminator])
        if tile is not None:
            check_tiles(tile, overlap)
            self.check_sides(self.generator, tile, tile)

    def update(self, batch: Paired) -> dict[str, Tensor]:
        (a,), (b,) = batch
        generator_optimizer, *discriminator_optimizers = self.optimizer_list()
        fake = self.translate_in_mode(a)
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
        """Minus Equation 1, halved "to slow down the rate at which D learns" (Section 3.3), and the logits of both."""
        logits = self.discriminate(a, b), self.discriminate(a, fake)  # separate calls for batch norm
        return discriminator_loss(*logits) / 2, logits

    def generator_loss(self, a: Tensor, b: Tensor, fake: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Equation 4 with -log D for log(1 - D), and its terms of non-zero weight, unweighted."""
        total, terms = torch.zeros((), device=fake.device), {}
        if self.gan_weight:
            terms["gan"] = non_saturating(self.discriminate(a, fake))
            total = total + self.gan_weight * terms["gan"]
        if self.l1_weight:
            terms["l1"] = l1_loss(fake, b)
            total = total + self.l1_weight * terms["l1"]
        return total, terms

    def discriminate(self, a: Tensor, b: Tensor) -> Tensor:
        """The discriminator's map of logits (B, 1, h, w) for pairs of a and real or generated b."""
        return self.discriminator(torch.cat([a, b], 1) if self.conditional else b).float()

    def translate_in_mode(self, source: Tensor) -> Tensor:
        """Images (B, channels_a, H, W) to (B, channels_b, H, W) in [-1, 1], the generator in its present mode."""
        return self.translated(self.generator, source)

    def forward(self, source: Tensor, seed: int = 0) -> Tensor:
        """The same as :meth:`translate`, with gradients."""
        if not len(source):  # this process has no share of the last batch
            return source.new_zeros(0, self.spec.channels_b, *source.shape[-2:])
        together = len(source) if self.statistics_at_test is NormStatistics.batch else 1
        self.largest_batch = max(self.largest_batch, together)
        with switched(self.generator, self.dropout_at_test, self.statistics_at_test is not NormStatistics.running):
            return torch.cat([self.translate_keyed(part, seed) for part in source.split(together)])

    @torch.no_grad()
    def translate(self, source: Tensor, seed: int = 0) -> Tensor:
        """Translate images (B, channels_a, H, W) in [-1, 1]; the module may be in training or eval mode.

        The result for an image does not depend on the others, unless ``statistics_at_test`` is ``batch``. Another
        ``seed`` gives other dropout, if that is on at test.

        Raises:
            UserError: for sides that the generator cannot take, with ``pad`` off.
        """
        return self(source, seed)

    def translate_keyed(self, source: Tensor, seed: int) -> Tensor:
        """The translation of ``source`` as a whole or by tiles, with dropout keyed by its content."""
        key = keyed.seed_of("dropout", keyed.content_key(to_bytes(source)), seed=seed)
        with drawing_from(key, source.device):
            if self.tile is None:
                return self.translate_in_mode(source)
            return tiled(self.translate_in_mode, source, self.tile, self.overlap)

    def eval_norm(self) -> str:
        statistics = {
            NormStatistics.image: EACH_IMAGE,
            NormStatistics.batch: f"{EACH_BATCH} of up to {self.largest_batch} images",
            NormStatistics.running: RUNNING,
        }
        text = statistics_of([self.generator], statistics[self.statistics_at_test])
        return text if self.tile is None else text.replace("image", "tile")

    def eval_dropout(self) -> str:
        drops = any(isinstance(layer, _DropoutNd) and layer.p for layer in self.generator.modules())
        return "on" if self.dropout_at_test and drops else "off"

    def on_validation_start(self) -> None:
        self.largest_batch = 0

    on_test_start = on_validation_start

    def translate_for_scores(self, source: Tensor) -> Tensor:
        return self(source, keyed.run_seed())
