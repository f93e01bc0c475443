"""Cycle-consistent adversarial networks. Zhu et al., ICCV 2017."""

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from lightning_cgan import keyed
from lightning_cgan.batch_check import ChecksBatches
from lightning_cgan.batches import EvalOutput, PairSpec, SourceImages, Unpaired
from lightning_cgan.config.stored_model import Loadable
from lightning_cgan.image_pool import ImagePool
from lightning_cgan.interfaces import EvaluationFacts
from lightning_cgan.losses.cycle import cycle_loss, identity_loss
from lightning_cgan.losses.least_squares import discriminator_least_squares, generator_least_squares_undivided
from lightning_cgan.networks import patchgan, resnet_translation
from lightning_cgan.networks.blocks.any_size import check_sides, padded
from lightning_cgan.optimize import Adam, logit_means, optimizer_step, should_log, with_lr_lambda
from lightning_cgan.schedules.learning_rate import falling_in_second_half


class CycleGAN(EvaluationFacts, Loadable, ChecksBatches):
    """Two generators, a to b and b to a, against a discriminator of each domain. Nothing in the data relates a to b.

    That an image comes back when it is translated there and back stands for the pairs that are missing. The defaults
    are the paper's, of 256x256 images; the order of the updates, one optimizer for both generators and one for both
    discriminators are those of the authors' PyTorch code.

    Args:
        spec: of the data, linked from the data module.
        generator: maps the spec to a network, images of a -> images of b in [-1, 1]; given ``spec.back()``, b -> a.
        discriminator: maps a number of channels to a network, images -> (B, 1, h, w) outputs without bounds.
        cycle_weight_a: of the cycle a -> b -> a. With 0 there is none.
        cycle_weight_b: of the cycle b -> a -> b.
        identity_weight: of keeping images that are already of the domain a generator makes, as a multiple of the cycle
            weight of that domain. The paper has 0.5 for paintings to photographs and none elsewhere; the authors' code
            has 0.5 wherever nothing is said. It keeps colours from being inverted.
        pool_size: generated images of each domain that are kept to be shown to the discriminator again.
        generator_optimizer: maps the parameters of both generators to an optimizer.
        discriminator_optimizer: maps the parameters of both discriminators to an optimizer.
        schedule: maps (generator update, updates in all) to the factor on both learning rates. The authors' code
            changes it between epochs, and its last epoch has 1/101 of the rate; here it changes with every update, the
            last of N having 2/N of the rate.
        pad: mirror images up to a size that the generators take, and cut what comes out back.

    Raises:
        ValueError: for an identity loss between unlike channels or without a cycle, for weights below 0, data whose
            two domains differ in size, or sizes that the networks cannot take.
    """

    training_batch: ClassVar[type] = Unpaired
    n_critic: ClassVar[int] = 1

    def __init__(
        self,
        spec: PairSpec,
        generator: Callable[[PairSpec], nn.Module] = resnet_translation.ResNet,
        discriminator: Callable[[int], nn.Module] = lambda channels: patchgan.PatchGAN(channels, norm="instance"),
        cycle_weight_a: float = 10.0,
        cycle_weight_b: float = 10.0,
        identity_weight: float = 0.0,
        pool_size: int = 50,
        generator_optimizer: OptimizerCallable = lambda p: Adam(p, lr=2e-4, beta1=0.5, beta2=0.999),
        discriminator_optimizer: OptimizerCallable = lambda p: Adam(p, lr=2e-4, beta1=0.5, beta2=0.999),
        schedule: Callable[[int, int], float] = falling_in_second_half,
        pad: bool = True,
    ) -> None:
        super().__init__()
        check_weights(cycle_weight_a, cycle_weight_b, identity_weight)
        check_domains(spec, identity_weight)
        self.automatic_optimization = False
        self.spec = spec
        self.generator = nn.ModuleDict({"to_a": generator(spec.back()), "to_b": generator(spec)})
        self.discriminator = nn.ModuleDict(
            {"of_a": discriminator(spec.channels_a), "of_b": discriminator(spec.channels_b)}
        )
        self.cycle_weight_a, self.cycle_weight_b = cycle_weight_a, cycle_weight_b
        self.identity_weight = identity_weight
        self.pools = {"a": ImagePool(pool_size, "a"), "b": ImagePool(pool_size, "b")}
        self.generator_optimizer = generator_optimizer
        self.discriminator_optimizer = discriminator_optimizer
        self.schedule = schedule
        self.pad = pad
        self.check_sizes()

    def check_sizes(self) -> None:
        smallest = max(getattr(network, "smallest", 1) for network in self.discriminator.values())
        if self.spec.size < smallest:
            raise ValueError(
                f"These discriminators judge images of {smallest} pixels and more; the data have {self.spec.size}. "
                "Set model.init_args.discriminator.init_args.layers, or data.init_args.size."
            )
        for generator in self.generator.values():
            self.check_taken(generator, self.spec.size, self.spec.size)

    def check_taken(self, generator: nn.Module, height: int, width: int) -> None:
        if not self.pad:
            check_sides(height, width, getattr(generator, "multiple", 1))

    def training_step(self, batch: Unpaired, batch_idx: int) -> None:
        update = self.global_step
        keyed.reseed("train", update, self.global_rank)
        generator_optimizer, discriminator_optimizer = self.optimizers()
        (a,), (b,) = batch

        with self.toggled_optimizer(generator_optimizer):
            fake_a, fake_b = self.to_a(b), self.to_b(a)
            adversarial_loss = self.adversarial_loss(fake_a, fake_b)
            consistency_loss, terms = self.consistency_loss(a, b, fake_a, fake_b)
            generator_loss = adversarial_loss + consistency_loss
            optimizer_step(self, generator_optimizer, generator_loss, count=True)

        with self.toggled_optimizer(discriminator_optimizer):  # it sees what the generators made before their update
            loss_a, logits_a = self.discriminator_loss("of_a", a, self.pools["a"].query(fake_a, update))
            loss_b, logits_b = self.discriminator_loss("of_b", b, self.pools["b"].query(fake_b, update))
            optimizer_step(self, discriminator_optimizer, loss_a + loss_b)

        for scheduler in self.lr_schedulers():
            scheduler.step()
        if should_log(self):
            losses = {"train/loss_d": loss_a + loss_b, "train/loss_g": generator_loss}
            losses |= {"train/adversarial": adversarial_loss} | terms
            both = (torch.cat([one.flatten() for one in pair]) for pair in zip(logits_a, logits_b, strict=True))
            self.log_dict(losses | logit_means(*both), prog_bar=True)

    def adversarial_loss(self, fake_a: Tensor, fake_b: Tensor) -> Tensor:
        """How far each discriminator is from taking the images for real: Equation 1 in the least-squares form."""
        of_a, of_b = self.judged("of_a", fake_a), self.judged("of_b", fake_b)
        return generator_least_squares_undivided(of_a) + generator_least_squares_undivided(of_b)

    def consistency_loss(
        self, a: Tensor, b: Tensor, fake_a: Tensor, fake_b: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Both domains' cycles (Equation 2) and identities, weighted, and each by itself without its weight."""
        loss, terms = a.new_zeros(()), {}
        domains = ("a", self.cycle_weight_a, a, fake_b, self.to_a), ("b", self.cycle_weight_b, b, fake_a, self.to_b)
        for domain, weight, image, fake, back in domains:
            if not weight:
                continue
            kept = terms[f"train/cycle_{domain}"] = cycle_loss(image, back(fake))
            if self.identity_weight:
                identity = terms[f"train/identity_{domain}"] = identity_loss(image, back(image))
                kept = kept + self.identity_weight * identity
            loss = loss + weight * kept
        return loss, terms

    def discriminator_loss(self, domain: str, real: Tensor, fake: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """The least-squares loss of one discriminator, and its outputs for both kinds of images."""
        outputs = self.judged(domain, real), self.judged(domain, fake)
        return discriminator_least_squares(*outputs), outputs

    def judged(self, domain: str, image: Tensor) -> Tensor:
        return self.discriminator[domain](image).float()

    def to_b(self, image: Tensor) -> Tensor:
        """Images (B, channels_a, H, W) of a to (B, channels_b, H, W) of b, all in [-1, 1]."""
        return self.translated(self.generator["to_b"], image)

    def to_a(self, image: Tensor) -> Tensor:
        """Images (B, channels_b, H, W) of b to (B, channels_a, H, W) of a, all in [-1, 1]."""
        return self.translated(self.generator["to_a"], image)

    def translated(self, generator: nn.Module, image: Tensor) -> Tensor:
        self.check_taken(generator, *image.shape[-2:])
        return padded(generator, image, getattr(generator, "multiple", 1)).float()

    forward = to_b

    @torch.no_grad()
    def translate(self, source: Tensor, back: bool = False) -> Tensor:
        """Images (B, channels_a, H, W) of a translated to b or, with ``back``, of b translated to a. All in [-1, 1]."""
        return self.to_a(source) if back else self.to_b(source)

    def validation_step(self, batch: Unpaired, batch_idx: int) -> EvalOutput:
        a, b = batch
        fake_a, fake_b = self.to_a(b), self.to_b(a)
        back = EvalOutput(a, fake_a, source=b, reconstruction=self.to_b(fake_a))
        return EvalOutput(b, fake_b, source=a, reconstruction=self.to_a(fake_b), reverse=back)

    test_step = validation_step

    def predict_step(self, batch: SourceImages, batch_idx: int) -> EvalOutput:
        fake = self.to_b(batch.image)
        return EvalOutput(real=fake[:0], fake=fake, source=batch.image)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["pools"] = {domain: pool.state_dict() for domain, pool in self.pools.items()}
        checkpoint["reversed"] = self.spec.reversed

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Of data in the other ``direction`` than at training, a and b are changed over in the networks too."""
        if checkpoint.get("reversed", self.spec.reversed) != self.spec.reversed:  # earlier versions did not say it
            checkpoint["state_dict"] = {turned(name): value for name, value in checkpoint["state_dict"].items()}
        for domain, pool in self.pools.items():
            pool.load_state_dict(checkpoint["pools"][domain])

    def configure_optimizers(self) -> tuple[list[Optimizer], list[LRScheduler]]:
        optimizers = [
            self.generator_optimizer(self.generator.parameters()),
            self.discriminator_optimizer(self.discriminator.parameters()),
        ]
        return with_lr_lambda(self, optimizers, self.schedule)


def turned(name: str) -> str:
    """What a weight is called when a is called b."""
    network, which, rest = name.split(".", 2)
    return f"{network}.{which[:-1]}{'b' if which[-1] == 'a' else 'a'}.{rest}"


def check_weights(cycle_weight_a: float, cycle_weight_b: float, identity_weight: float) -> None:
    for name, weight in {"cycle_weight_a": cycle_weight_a, "cycle_weight_b": cycle_weight_b}.items():
        if weight < 0:
            raise ValueError(f"Weights of losses are 0 or more; met {weight}. Set model.init_args.{name}.")
    if identity_weight < 0 or (identity_weight and not cycle_weight_a and not cycle_weight_b):
        raise ValueError(
            f"identity_weight is a multiple, 0 or more, of the cycle weights; met {identity_weight} of cycle weights "
            f"{cycle_weight_a} and {cycle_weight_b}. Set model.init_args.identity_weight to 0, or a cycle weight."
        )


def check_domains(spec: PairSpec, identity_weight: float) -> None:
    if identity_weight and spec.channels_a != spec.channels_b:
        raise ValueError(
            "The identity loss gives each generator images of the domain it makes, so both domains have equally many "
            f"channels; met {spec.channels_a} and {spec.channels_b}. Set model.init_args.identity_weight to 0."
        )
    if spec.scale != 1:
        raise ValueError(
            f"CycleGAN translates between images of one size; this data set's are {spec.scale} times larger in b than "
            "in a. Set data, or model.class_path to a paper on super-resolution."
        )
