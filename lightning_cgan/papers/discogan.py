"""DiscoGAN: learning to discover cross-domain relations. Kim et al., ICML 2017."""

from collections.abc import Callable
from enum import Enum
from typing import ClassVar, NamedTuple

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from torch.optim import Optimizer

from lightning_cgan import keyed
from lightning_cgan.batch_check import ChecksBatches
from lightning_cgan.batches import EvalOutput, ImageSpec, PairSpec, SourceImages, Unpaired
from lightning_cgan.config.stored_model import Loadable
from lightning_cgan.interfaces import EvaluationFacts
from lightning_cgan.losses import gan
from lightning_cgan.losses.reconstruction import Distance, feature_matching, shared
from lightning_cgan.networks import discogan as networks
from lightning_cgan.networks.blocks.any_size import padded
from lightning_cgan.networks.discogan import DiscriminatorOutput
from lightning_cgan.optimize import Adam, logit_means, optimizer_step, should_log


class Relation(Enum):
    """The three models that the paper compares: what a translated image has to satisfy."""

    gan = "gan"  # it looks like one of b
    reconstruction = "reconstruction"  # and the way back leads to its source
    discogan = "discogan"  # both, in both directions


class Way(NamedTuple):
    """A direction that is learned, and what the generators make of a batch."""

    judge: str  # the discriminator
    real: Tensor  # of its domain
    source: Tensor
    fake: Tensor  # the source, translated
    reconstruction: Tensor | None  # and back again


class DiscoGAN(EvaluationFacts, Loadable, ChecksBatches):
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
        ValueError: for shares outside of [0, 1], a curriculum without its rates, fewer generator updates than one, or a
            discriminator without features to match.
    """

    training_batch: ClassVar[type] = Unpaired
    n_critic: ClassVar[int] = 1  # the discriminators and the generators of an update see the same images

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
        super().__init__()
        check_shares(feature_matching=feature_matching, rate=rate, starting_rate=starting_rate)
        check_updates(curriculum, generator_updates, rates=(starting_rate, rate))
        self.automatic_optimization = False
        self.spec, self.relation, self.reconstruction = spec, relation, reconstruction
        self.feature_matching, self.generator_updates = feature_matching, generator_updates
        self.rate, self.starting_rate, self.curriculum = rate, starting_rate, curriculum
        back, both = relation is not Relation.gan, relation is Relation.discogan
        of_a, of_b = (ImageSpec(channels, spec.size) for channels in (spec.channels_a, spec.channels_b))
        self.generator = nn.ModuleDict({"to_b": generator(spec)} | ({"to_a": generator(spec.back())} if back else {}))
        self.discriminator = nn.ModuleDict(
            {"of_b": discriminator(of_b)} | ({"of_a": discriminator(of_a)} if both else {})
        )
        if feature_matching and not all(network.matched for network in self.discriminator.values()):
            raise ValueError(
                "Feature matching needs features of the discriminators; met 0 layers that are matched. Set "
                "model.init_args.discriminator.init_args.matched, or model.init_args.feature_matching to 0."
            )
        self.generator_optimizer, self.discriminator_optimizer = generator_optimizer, discriminator_optimizer

    def training_step(self, batch: Unpaired, batch_idx: int) -> None:
        keyed.reseed("train", self.global_step, self.global_rank)
        generator_optimizer, discriminator_optimizer = self.optimizers()
        (a,), (b,) = batch
        ways = self.ways(a, b)
        scalars = {}

        if (self.global_step + 1) % self.generator_updates == 0:
            with self.toggled_optimizer(discriminator_optimizer):
                discriminator_loss, logits = self.discriminator_loss(ways)
                optimizer_step(self, discriminator_optimizer, discriminator_loss)
            scalars = {"train/loss_d": discriminator_loss} | logit_means(*logits)

        with self.toggled_optimizer(generator_optimizer):
            generator_loss, parts = self.generator_loss(ways)
            optimizer_step(self, generator_optimizer, generator_loss, count=True)

        if should_log(self):
            self.log_dict(scalars | {"train/loss_g": generator_loss} | parts, prog_bar=True)

    def ways(self, a: Tensor, b: Tensor) -> list[Way]:
        """The directions that are learned, from images of ``a`` and ``b``, each (B, C, H, W)."""
        ab = self.to_b(a)
        if self.relation is Relation.gan:
            return [Way("of_b", b, a, ab, None)]
        there = Way("of_b", b, a, ab, self.to_a(ab))
        if self.relation is Relation.reconstruction:
            return [there]
        ba = self.to_a(b)
        return [there, Way("of_a", a, b, ba, self.to_b(ba))]

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
        return loss, {"train/adversarial": adversarial, "train/reconstruction": recovery}

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
        judged: DiscriminatorOutput = self.discriminator[way.judge](image)
        return judged

    def rate_at(self, update: int) -> float | None:
        """The share of the reconstruction in generator update number ``update``, counted from 0."""
        return self.starting_rate if update < self.curriculum else self.rate

    def to_b(self, image: Tensor) -> Tensor:
        """Images (B, channels_a, H, W) of a to (B, channels_b, H, W) of b, all in [-1, 1]."""
        return self.translated(self.generator["to_b"], image)

    def to_a(self, image: Tensor) -> Tensor:
        """Images (B, channels_b, H, W) of b to (B, channels_a, H, W) of a, all in [-1, 1]."""
        return self.translated(self.generator["to_a"], image)

    def translated(self, generator: nn.Module, image: Tensor) -> Tensor:
        """Images of sizes that the generator does not take are mirrored up to one, and what comes out is cut back."""
        return padded(generator, image, getattr(generator, "multiple", 1)).float()

    forward = to_b

    @torch.no_grad()
    def translate(self, source: Tensor, back: bool = False) -> Tensor:
        """Images (B, channels_a, H, W) of a translated to b or, with ``back``, of b translated to a. All in [-1, 1].

        Raises:
            ValueError: for the way back of the ablations, which do not learn it.
        """
        if back and self.relation is not Relation.discogan:
            raise ValueError(
                f"The way back is learned by discogan; this model's relation is {self.relation.name}. "
                "Set model.init_args.relation, and train."
            )
        return self.to_a(source) if back else self.to_b(source)

    def validation_step(self, batch: Unpaired, batch_idx: int) -> EvalOutput:
        """Both directions of DiscoGAN, one of the ablations."""
        there, *back = (
            EvalOutput(real, fake, source=source, reconstruction=recovered)
            for _, real, source, fake, recovered in self.ways(batch.a, batch.b)
        )
        return there._replace(reverse=back[0]) if back else there

    test_step = validation_step

    def predict_step(self, batch: SourceImages, batch_idx: int) -> EvalOutput:
        fake = self(batch.image)
        return EvalOutput(real=fake[:0], fake=fake, source=batch.image)

    def configure_optimizers(self) -> list[Optimizer]:
        return [
            self.generator_optimizer(self.generator.parameters()),
            self.discriminator_optimizer(self.discriminator.parameters()),
        ]


def check_shares(**shares: float | None) -> None:
    for name, share in shares.items():
        if share is not None and not 0 <= share <= 1:
            raise ValueError(f"{name} is a share, from 0 to 1; met {share}. Set model.init_args.{name}.")


def check_updates(curriculum: int, generator_updates: int, rates: tuple[float | None, float | None]) -> None:
    if curriculum and None in rates:
        raise ValueError(
            f"A curriculum goes from a starting rate to a rate; met {rates[0]} and {rates[1]}. "
            "Set model.init_args.starting_rate and model.init_args.rate, or model.init_args.curriculum to 0."
        )
    if generator_updates < 1:
        raise ValueError(
            "The discriminators are updated once in so many generator updates, at least 1; met "
            f"{generator_updates}. Set model.init_args.generator_updates."
        )
