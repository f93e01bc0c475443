"""DiscoGAN: learning to discover cross-domain relations. Kim et al., ICML 2017."""

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn

from lightning_cgan.batches import EvalOutput, ImageSpec, Paired, PairSpec, Unpaired
from lightning_cgan.errors import UserError
from lightning_cgan.losses import gan
from lightning_cgan.losses.reconstruction import Distance, feature_matching, shared
from lightning_cgan.networks import discogan as networks
from lightning_cgan.networks.discogan import DiscriminatorOutput
from lightning_cgan.optimize import Adam, logit_means, optimizer_step
from lightning_cgan.papers.kinds import TwoWayTranslation


class Relation(Enum):
    """The three models that the paper compares: what a translated image has to satisfy."""

    gan = "gan"  # it looks like one of b
    reconstruction = "reconstruction"  # and the way back leads to its source
    discogan = "discogan"  # both, in both directions


class Way(NamedTuple):
    """A direction that is learned, and what the generators make of a batch."""

    discriminator: nn.Module
    real: Tensor  # of its domain
    source: Tensor
    fake: Tensor  # the source, translated
    reconstruction: Tensor | None  # and back again


class DiscoGAN(TwoWayTranslation):
    """Two generators, from a to b and back, and a discriminator of each domain; no image of one is paired with any of
    the other. That a is recovered from b and b from a makes the relation one to one.

    The defaults are the paper's, which adds up four losses of weight 1. The authors' code adds feature matching and a
    rate between the losses that rises, and takes two generator updates for one of the discriminators. It halves the
    discriminators' loss, which Adam notices in the weight decay alone.

    Args:
        spec: of the data, linked from the data module.
        generator: maps the spec of a direction to a network, images of one domain -> images of the other in [-1, 1].
        discriminator: maps the spec of a domain to a network, images -> ``DiscriminatorOutput``; its ``matched`` says
            of how many layers these hold the features.
        relation: what is learned; the others are the paper's ablations.
        reconstruction: the distance between an image and its recovery.
        feature_matching: its share of what the discriminators say, the rest is the GAN loss. The code has 0.9.
        rate: share of the reconstruction in the generators' loss, the rest is what the discriminators say. The code has
            0.5, and 0.9 for poses. None adds both up with weight 1, as the paper does.
        starting_rate: the same for the first ``curriculum`` generator updates; the code has 0.01.
        curriculum: generator updates; the code's 10,000 iterations make 6,667.
        generator_updates: to one update of the discriminators, which comes before the last of them; the code has 2.
        generator_optimizer: maps the parameters of both generators to an optimizer.
        discriminator_optimizer: maps those of both discriminators to an optimizer.

    Raises:
        UserError: for shares outside of [0, 1], a curriculum without its rates, fewer generator updates than one, or a
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
        check_updates(curriculum, generator_updates, rates=(starting_rate, rate))
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
                "Feature matching needs features of the discriminators; got 0 layers that are matched. Set "
                "model.init_args.discriminator.init_args.matched, or model.init_args.feature_matching to 0."
            )
        self.optimizer_factories = {"generator": generator_optimizer, "discriminator": discriminator_optimizer}

    def networks(self) -> dict[str, tuple[nn.Module, ...]]:
        """Those that ``relation`` needs."""
        generators, discriminators = (
            (self.generator_ab, self.generator_ba),
            (self.discriminator_b, self.discriminator_a),
        )
        return {
            "generator": generators[: 1 if self.relation is Relation.gan else 2],
            "discriminator": discriminators[: 2 if self.relation is Relation.discogan else 1],
        }

    def update(self, batch: Unpaired) -> dict[str, Tensor]:
        (a,), (b,) = batch
        generator_optimizer, discriminator_optimizer = self.optimizer_list()
        ways = self.ways(a, b)
        losses = {}

        if (self.global_step + 1) % self.generator_updates == 0:
            with self.toggled_optimizer(discriminator_optimizer):
                losses["loss_d"], logits = self.discriminator_loss(ways)
                optimizer_step(self, discriminator_optimizer, losses["loss_d"])
            losses |= logit_means(*logits)

        with self.toggled_optimizer(generator_optimizer):
            loss_g, terms = self.generator_loss(ways)
            optimizer_step(self, generator_optimizer, loss_g, count=True)

        return losses | {"loss_g": loss_g} | terms

    def ways(self, a: Tensor, b: Tensor) -> list[Way]:
        """The directions that are learned, from images of ``a`` and ``b``, each (B, C, H, W)."""
        ab = self.to_b(a)
        if self.relation is Relation.gan:
            return [Way(self.discriminator_b, b, a, ab, None)]
        there = Way(self.discriminator_b, b, a, ab, self.to_a(ab))
        if self.relation is Relation.reconstruction:
            return [there]
        ba = self.to_a(b)
        return [there, Way(self.discriminator_a, a, b, ba, self.to_b(ba))]

    def discriminator_loss(self, ways: list[Way]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """-log D(real) - log(1 - D(fake)), summed over the discriminators, and the logits of both kinds.

        Each is called twice, so that batch norm sees either kind by itself.
        """
        judged = [
            (self.judge(way, way.real).logits.float(), self.judge(way, way.fake.detach()).logits.float())
            for way in ways
        ]
        real, fake = (torch.cat(logits) for logits in zip(*judged, strict=True))
        return torch.stack([gan.discriminator_loss(*logits) for logits in judged]).sum(), (real, fake)

    def generator_loss(self, ways: list[Way]) -> tuple[Tensor, dict[str, Tensor]]:
        """The sum over the directions, and the parts that are logged."""
        adversarial = torch.stack([self.adversarial_loss(way) for way in ways]).sum()
        found = [(way.reconstruction, way.source) for way in ways if way.reconstruction is not None]
        if not found:
            return adversarial, {}
        recovery = torch.stack([self.reconstruction(recovered, source) for recovered, source in found]).sum()
        rate = self.rate_at(self.global_step)
        loss = adversarial + recovery if rate is None else shared(adversarial, recovery, rate)
        return loss, {"adversarial": adversarial, "reconstruction": recovery}

    def adversarial_loss(self, way: Way) -> Tensor:
        """-log D(fake), and the part of it that feature matching takes."""
        judged = self.judge(way, way.fake)
        loss = gan.non_saturating(judged.logits.float())
        if not self.feature_matching:
            return loss
        with torch.no_grad():
            real = self.judge(way, way.real).features
        features = feature_matching([f.float() for f in real], [f.float() for f in judged.features])
        return shared(loss, features, self.feature_matching)

    def judge(self, way: Way, image: Tensor) -> DiscriminatorOutput:
        judged: DiscriminatorOutput = way.discriminator(image)
        return judged

    def rate_at(self, update: int) -> float | None:
        """The share of the reconstruction in generator update number ``update``, counted from 0."""
        return self.starting_rate if update < self.curriculum else self.rate

    @torch.no_grad()
    def translate(self, source: Tensor, reverse: bool = False) -> Tensor:
        """Images of a translated to b or, with ``reverse``, of b translated to a: (B, C, H, W) in [-1, 1].

        Raises:
            UserError: for the reverse direction of the ablations, which do not learn it.
        """
        if reverse and self.relation is not Relation.discogan:
            raise UserError(
                f"The reverse direction is learned by discogan; this model's relation is {self.relation.name}. "
                "Set model.init_args.relation, and train."
            )
        return super().translate(source, reverse)

    def evaluate(self, batch: Paired | Unpaired) -> EvalOutput:
        """Both directions of DiscoGAN, one of the ablations."""
        there, *back = (
            EvalOutput(real, fake, source=source, reconstruction=recovered)
            for _, real, source, fake, recovered in self.ways(batch.a, batch.b)
        )
        return there._replace(reverse=back[0]) if back else there

    def evaluated_networks(self) -> dict[str, nn.Module]:
        learned = self.networks()["generator"]
        return {role: network for role, network in super().evaluated_networks().items() if network in learned}


def check_shares(**shares: float | None) -> None:
    for name, share in shares.items():
        if share is not None and not 0 <= share <= 1:
            raise UserError(f"{name} is a share, from 0 to 1; got {share}. Set model.init_args.{name}.")


def check_updates(curriculum: int, generator_updates: int, rates: tuple[float | None, float | None]) -> None:
    if curriculum and None in rates:
        raise UserError(
            f"A curriculum goes from a starting rate to a rate; got {rates[0]} and {rates[1]}. "
            "Set model.init_args.starting_rate and model.init_args.rate, or model.init_args.curriculum to 0."
        )
    if generator_updates < 1:
        raise UserError(
            "The discriminators are updated once in so many generator updates, at least 1; got "
            f"{generator_updates}. Set model.init_args.generator_updates."
        )
