"""Cycle-consistent adversarial networks. Zhu et al., ICCV 2017."""

from collections.abc import Callable
from typing import Any

import torch
from jsonargparse import lazy_instance
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn

from lightning_cgan.batches import PairSpec, Unpaired
from lightning_cgan.checks import check_weights
from lightning_cgan.errors import UserError
from lightning_cgan.image_pool import ImagePool
from lightning_cgan.losses.cycle import cycle_loss, identity_loss
from lightning_cgan.losses.least_squares import discriminator_least_squares, generator_least_squares_undivided
from lightning_cgan.networks import patchgan, resnet_translation
from lightning_cgan.optimize import Adam, logit_means, optimizer_step
from lightning_cgan.papers.kinds import TwoWayTranslation
from lightning_cgan.schedules.learning_rate import ConstantThenLinear

SWAPPED = {"generator_ab": "generator_ba", "discriminator_a": "discriminator_b"}
SWAPPED |= {other: one for one, other in SWAPPED.items()}


class CycleGAN(TwoWayTranslation):
    """Unpaired translation by two generators, a to b and b to a, each trained against a discriminator of its domain.

    Cycle consistency replaces the missing pairs: an image translated to the other domain and back is compared with
    itself. The defaults are the paper's for 256x256 images; the order of the updates, and one optimizer for both
    generators and one for both discriminators, follow the authors' PyTorch code.

    Args:
        spec: of the data, linked from the data module.
        generator: maps the spec to a network, images of a -> images of b in [-1, 1]; for b -> a from ``spec.back()``.
        discriminator: maps a number of channels to a network, images -> (B, 1, h, w) unbounded outputs.
        cycle_weight_a: weight of the cycle loss a -> b -> a; 0 turns it off.
        cycle_weight_b: weight of the cycle loss b -> a -> b; 0 turns it off.
        identity_weight: weight of the identity loss of each domain, as a multiple of its cycle weight. It prevents
            inverted colours. 0.5 in the paper for paintings to photographs, else 0; the authors' code defaults to 0.5.
        pool_size: generated images of each domain in the history that the discriminator trains on.
        generator_optimizer: maps the parameters of both generators to an optimizer.
        discriminator_optimizer: maps the parameters of both discriminators to an optimizer.
        schedule: maps (generator update, updates in the run) to the factor on both learning rates. It changes at every
            update, to 2/N at the last of N; in the authors' code between epochs, to 1/101 in the last one.
        pad: mirror-pad images to a size that the generators take, and crop the output.

    Raises:
        UserError: for an identity loss with unequal channels or without a cycle loss, a weight below 0, domains that
            differ in size, or sizes that the networks cannot take.
    """

    def __init__(
        self,
        spec: PairSpec,
        generator: Callable[[PairSpec], nn.Module] = resnet_translation.ResNet,
        discriminator: Callable[[int], nn.Module] = lambda channels: patchgan.PatchGAN(channels, norm="instance"),  # type: ignore[arg-type]  # parsers read literals alone
        cycle_weight_a: float = 10.0,
        cycle_weight_b: float = 10.0,
        identity_weight: float = 0.0,
        pool_size: int = 50,
        generator_optimizer: OptimizerCallable = lambda p: Adam(p, lr=2e-4, beta1=0.5, beta2=0.999),
        discriminator_optimizer: OptimizerCallable = lambda p: Adam(p, lr=2e-4, beta1=0.5, beta2=0.999),
        schedule: Callable[[int, int], float] = lazy_instance(ConstantThenLinear),
        pad: bool = True,
    ) -> None:
        super().__init__(spec)
        check_weights(cycle_weight_a=cycle_weight_a, cycle_weight_b=cycle_weight_b, identity_weight=identity_weight)
        check_identity(spec, identity_weight, (cycle_weight_a, cycle_weight_b))
        self.generator_ba = generator(spec.back())
        self.generator_ab = generator(spec)
        self.discriminator_a = discriminator(spec.channels_a)
        self.discriminator_b = discriminator(spec.channels_b)
        self.cycle_weight_a, self.cycle_weight_b = cycle_weight_a, cycle_weight_b
        self.identity_weight = identity_weight
        self.pools = {"a": ImagePool(pool_size, "a"), "b": ImagePool(pool_size, "b")}
        self.optimizer_factories = {"generator": generator_optimizer, "discriminator": discriminator_optimizer}
        self.schedule, self.pad = schedule, pad
        self.check_sizes([self.generator_ab, self.generator_ba], [self.discriminator_a, self.discriminator_b])

    def networks(self) -> dict[str, tuple[nn.Module, ...]]:
        discriminators = (self.discriminator_a, self.discriminator_b)
        return {"generator": (self.generator_ba, self.generator_ab), "discriminator": discriminators}

    def update(self, batch: Unpaired) -> dict[str, Tensor]:
        (real_a,), (real_b,) = batch
        generator_optimizer, discriminator_optimizer = self.optimizer_list()
        update = self.global_step

        with self.toggled_optimizer(generator_optimizer):
            fake_a, fake_b = self.to_a(real_b), self.to_b(real_a)
            adversarial = self.adversarial_loss(fake_a, fake_b)
            consistency, terms = self.consistency_loss(real_a, real_b, fake_a, fake_b)
            loss_g = adversarial + consistency
            optimizer_step(self, generator_optimizer, loss_g, count=True)

        with self.toggled_optimizer(discriminator_optimizer):  # on images from before the generators' update
            pool_a, pool_b = self.pools["a"].query(fake_a, update), self.pools["b"].query(fake_b, update)
            loss_a, logits_a = self.discriminator_loss(self.discriminator_a, real_a, pool_a)
            loss_b, logits_b = self.discriminator_loss(self.discriminator_b, real_b, pool_b)
            loss_d = loss_a + loss_b
            optimizer_step(self, discriminator_optimizer, loss_d)

        both = (torch.cat([one.flatten() for one in pair]) for pair in zip(logits_a, logits_b, strict=True))
        return {"loss_d": loss_d, "loss_g": loss_g, "adversarial": adversarial} | terms | logit_means(*both)

    def adversarial_loss(self, fake_a: Tensor, fake_b: Tensor) -> Tensor:
        """Equation 1 for both generators, in the least-squares form."""
        logits_a, logits_b = self.discriminator_a(fake_a).float(), self.discriminator_b(fake_b).float()
        return generator_least_squares_undivided(logits_a) + generator_least_squares_undivided(logits_b)

    def consistency_loss(
        self, real_a: Tensor, real_b: Tensor, fake_a: Tensor, fake_b: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The cycle losses (Equation 2) and identity losses of both domains, weighted, and each without its weight."""
        loss, terms = real_a.new_zeros(()), {}
        domains = (
            ("a", self.cycle_weight_a, real_a, fake_b, self.to_a),
            ("b", self.cycle_weight_b, real_b, fake_a, self.to_b),
        )
        for domain, weight, real, fake, back in domains:
            if not weight:
                continue
            total = terms[f"cycle_{domain}"] = cycle_loss(real, back(fake))
            if self.identity_weight:
                identity = terms[f"identity_{domain}"] = identity_loss(real, back(real))
                total = total + self.identity_weight * identity
            loss = loss + weight * total
        return loss, terms

    def discriminator_loss(
        self, discriminator: nn.Module, real: Tensor, fake: Tensor
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """The least-squares loss of one discriminator, and its outputs for real and generated images."""
        outputs = discriminator(real).float(), discriminator(fake).float()
        return discriminator_least_squares(*outputs), outputs

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["pools"] = {domain: pool.state_dict() for domain, pool in self.pools.items()}
        checkpoint["reversed"] = self.spec.reversed

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Swap the networks of a and b if ``direction`` of the data differs from that of training."""
        if checkpoint.get("reversed", self.spec.reversed) != self.spec.reversed:  # earlier versions did not store it
            checkpoint["state_dict"] = {swapped(name): value for name, value in checkpoint["state_dict"].items()}
        for domain, pool in self.pools.items():
            pool.load_state_dict(checkpoint["pools"][domain])


def swapped(name: str) -> str:
    """The name of a weight after swapping a and b."""
    network, rest = name.split(".", 1)
    return f"{SWAPPED[network]}.{rest}"


def check_identity(spec: PairSpec, identity_weight: float, cycle_weights: tuple[float, float]) -> None:
    if identity_weight and not any(cycle_weights):
        raise UserError(
            f"identity_weight is a multiple of the cycle weights; got {identity_weight} with cycle weights "
            "0 and 0. Set model.init_args.identity_weight to 0, or a cycle weight."
        )
    if identity_weight and spec.channels_a != spec.channels_b:
        raise UserError(
            "The identity loss needs domains with equally many channels; "
            f"got {spec.channels_a} and {spec.channels_b}. Set model.init_args.identity_weight to 0."
        )
