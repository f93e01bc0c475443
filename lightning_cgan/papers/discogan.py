"""DiscoGAN: learning to discover cross-domain relations. Kim et al., ICML 2017."""

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn

from lightning_cgan.batches import EvalOutput, ImageSpec, Paired, PairSpec, Unpaired
from lightning_cgan.checks import check_counts, check_shares
from lightning_cgan.errors import UserError
from lightning_cgan.losses import gan
from lightning_cgan.losses.reconstruction import Distance, feature_matching, shared
from lightning_cgan.networks import discogan as networks
from lightning_cgan.networks.discogan import DiscriminatorOutput
from lightning_cgan.optimize import Adam, logit_means, optimizer_step
from lightning_cgan.papers.kinds import TwoWayTranslation


class Relation(Enum):
    """The three models that the paper compares, by their losses."""

    gan = "gan"  # the GAN loss, a to b
    reconstruction = "reconstruction"  # also the reconstruction loss a to b to a
    discogan = "discogan"  # both losses in both directions


class Direction(NamedTuple):
    """A trained direction of translation, and the generators' output for a batch."""

    discriminator: Callable[[Tensor], DiscriminatorOutput]
    real: Tensor  # images of the target domain
    source: Tensor
    fake: Tensor  # the source, translated
    reconstruction: Tensor | None  # the source, translated there and back


class DiscoGAN(TwoWayTranslation):
    """Unpaired translation by two generators with a discriminator for each domain.

    Reconstruction in both directions makes the relation one to one. The defaults are the paper's, which adds four
    losses of weight 1. The authors' code adds feature matching and a scheduled weight between the losses, and takes two
    generator updates per discriminator update. It also halves the discriminators' loss, which under Adam only changes
    the effect of the weight decay.

    Args:
        spec: of the data, linked from the data module.
        generator: maps the spec of a direction to a network, images of one domain -> images of the other in [-1, 1].
        discriminator: maps the spec of a domain to a network, images -> ``DiscriminatorOutput``; its attribute
            ``matched`` is the number of layers whose features it returns.
        relation: the model to train; ``gan`` and ``reconstruction`` are the paper's ablations.
        reconstruction: the distance between an image and its reconstruction.
        feature_matching: its share of the adversarial loss, the rest is the GAN loss; 0.9 in the authors' code.
        rate: share of the reconstruction in the generators' loss, the rest is the adversarial loss; 0.5 in the authors'
            code, 0.9 for poses. None adds both with weight 1, as the paper does.
        starting_rate: ``rate`` of the first ``curriculum`` generator updates; 0.01 in the authors' code.
        curriculum: generator updates; the 10,000 iterations of the authors' code are 6,667.
        generator_updates: per discriminator update, which comes before the last of them; 2 in the authors' code.
        generator_optimizer: maps the parameters of both generators to an optimizer.
        discriminator_optimizer: maps the parameters of both discriminators to an optimizer.

    Raises:
        UserError: for a share outside [0, 1], a curriculum without its rates, ``generator_updates`` below 1, or a
            discriminator without features to match.
    """

    def __init__(
        self,
        spec: PairSpec,
        generator: Callable[[PairSpec], nn.Module] = networks.Generator,
        discriminator: Callable[[ImageSpec], nn.Module] = networks.Discriminator,
        relation: Relation = Relation.discogan,
        reconstruction: Distance = Distance.mse,
        feature_matching: float = 0.0,
        rate: float | None = None,
        starting_rate: float | None = None,
        curriculum: int = 0,
        generator_updates: int = 1,
        generator_optimizer: OptimizerCallable = lambda p: Adam(p, lr=2e-4, beta1=0.5, weight_decay=1e-4),
        discriminator_optimizer: OptimizerCallable = lambda p: Adam(p, lr=2e-4, beta1=0.5, weight_decay=1e-4),
    ) -> None:
        super().__init__(spec)
        check_shares(feature_matching=feature_matching, rate=rate, starting_rate=starting_rate)
        check_counts(generator_updates=generator_updates)
        if curriculum and None in (starting_rate, rate):
            raise UserError(
                f"A curriculum goes from a starting rate to a rate; got {starting_rate} and {rate}. "
                "Set model.init_args.starting_rate and model.init_args.rate, or model.init_args.curriculum to 0."
            )
        self.relation, self.reconstruction = relation, reconstruction
        self.feature_matching, self.generator_updates = feature_matching, generator_updates
        self.rate, self.starting_rate, self.curriculum = rate, starting_rate, curriculum
        back, both = relation is not Relation.gan, relation is Relation.discogan
        of_a, of_b = (ImageSpec(channels, spec.size) for channels in (spec.channels_a, spec.channels_b))
        self.generator_ab = generator(spec)
        self.generator_ba = generator(spec.back()) if back else nn.Identity()
        self.discriminator_b = discriminator(of_b)
        self.discriminator_a = discriminator(of_a) if both else nn.Identity()
        if feature_matching and not all(network.matched for network in self.networks()["discriminator"]):
            raise UserError(
                "Feature matching needs features of the discriminators; got one with 0 matched layers. Set "
                "model.init_args.discriminator.init_args.matched, or model.init_args.feature_matching to 0."
            )
        self.optimizer_factories = {"generator": generator_optimizer, "discriminator": discriminator_optimizer}

    def networks(self) -> dict[str, tuple[nn.Module, ...]]:
        """The networks that ``relation`` trains."""
        generators = 1 if self.relation is Relation.gan else 2
        discriminators = 2 if self.relation is Relation.discogan else 1
        return {
            "generator": (self.generator_ab, self.generator_ba)[:generators],
            "discriminator": (self.discriminator_b, self.discriminator_a)[:discriminators],
        }

    def update(self, batch: Unpaired) -> dict[str, Tensor]:
        (a,), (b,) = batch
        generator_optimizer, discriminator_optimizer = self.optimizer_list()
        directions = self.directions(a, b)
        losses = {}

        if (self.global_step + 1) % self.generator_updates == 0:
            with self.toggled_optimizer(discriminator_optimizer):
                losses["loss_d"], logits = self.discriminator_loss(directions)
                optimizer_step(self, discriminator_optimizer, losses["loss_d"])
            losses |= logit_means(*logits)

        with self.toggled_optimizer(generator_optimizer):
            loss_g, terms = self.generator_loss(directions)
            optimizer_step(self, generator_optimizer, loss_g, count=True)

        return losses | {"loss_g": loss_g} | terms

    def directions(self, a: Tensor, b: Tensor) -> list[Direction]:
        """The trained directions for images of ``a`` and ``b``, each (B, C, H, W)."""
        ab = self.to_b(a)
        if self.relation is Relation.gan:
            return [Direction(self.discriminator_b, b, a, ab, None)]
        there = Direction(self.discriminator_b, b, a, ab, self.to_a(ab))
        if self.relation is Relation.reconstruction:
            return [there]
        ba = self.to_a(b)
        return [there, Direction(self.discriminator_a, a, b, ba, self.to_b(ba))]

    def discriminator_loss(self, directions: list[Direction]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """-log D(real) - log(1 - D(fake)), summed, and the logits of both, in separate calls for batch norm."""
        outputs = [(one.discriminator(one.real), one.discriminator(one.fake.detach())) for one in directions]
        logits = [(real.logits.float(), fake.logits.float()) for real, fake in outputs]
        of_real, of_fake = (torch.cat(parts) for parts in zip(*logits, strict=True))
        return torch.stack([gan.discriminator_loss(*pair) for pair in logits]).sum(), (of_real, of_fake)

    def generator_loss(self, directions: list[Direction]) -> tuple[Tensor, dict[str, Tensor]]:
        """The sum over the directions, and its terms for the log."""
        adversarial = torch.stack([self.adversarial_loss(one) for one in directions]).sum()
        cycles = [(one.reconstruction, one.source) for one in directions if one.reconstruction is not None]
        if not cycles:
            return adversarial, {}
        reconstruction = torch.stack([self.reconstruction(image, source) for image, source in cycles]).sum()
        rate = self.rate_at(self.global_step)
        loss = adversarial + reconstruction if rate is None else shared(adversarial, reconstruction, rate)
        return loss, {"adversarial": adversarial, "reconstruction": reconstruction}

    def adversarial_loss(self, direction: Direction) -> Tensor:
        """-log D(fake), interpolated with the feature-matching loss."""
        fake = direction.discriminator(direction.fake)
        loss = gan.non_saturating(fake.logits.float())
        if not self.feature_matching:
            return loss
        with torch.no_grad():
            real = direction.discriminator(direction.real)
        features = feature_matching([f.float() for f in real.features], [f.float() for f in fake.features])
        return shared(loss, features, self.feature_matching)

    def rate_at(self, update: int) -> float | None:
        """The share of the reconstruction loss at generator update ``update``, counted from 0."""
        return self.starting_rate if update < self.curriculum else self.rate

    @torch.no_grad()
    def translate(self, source: Tensor, reverse: bool = False) -> Tensor:
        """Images of a translated to b or, with ``reverse``, of b translated to a: (B, C, H, W) in [-1, 1].

        Raises:
            UserError: for the reverse direction of an ablation, which does not train it.
        """
        if reverse and self.relation is not Relation.discogan:
            raise UserError(
                f"Only relation discogan trains the reverse direction; this model's relation is {self.relation.name}. "
                "Set model.init_args.relation and train again."
            )
        return super().translate(source, reverse)

    def evaluate(self, batch: Paired | Unpaired) -> EvalOutput:
        """Both directions of DiscoGAN, one of an ablation."""
        there, *back = (
            EvalOutput(one.real, one.fake, source=one.source, reconstruction=one.reconstruction)
            for one in self.directions(batch.a, batch.b)
        )
        return there._replace(reverse=back[0]) if back else there
