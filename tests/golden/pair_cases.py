"""Cases of papers that learn from two domains, as ``cases`` has those of one."""

from functools import partial

import torch

from lightning_cgan.batches import Paired, PairSpec, Unpaired
from lightning_cgan.losses.reconstruction import Distance
from lightning_cgan.networks import discogan as discogan_networks
from lightning_cgan.networks import (
    patchgan,
    resnet_translation,
    unet,
)
from lightning_cgan.networks import perceptual_super_resolution as enlarging
from lightning_cgan.networks import srresnet as srresnet_networks
from lightning_cgan.networks.blocks.switches import NormStatistics
from lightning_cgan.papers.cyclegan import CycleGAN
from lightning_cgan.papers.discogan import DiscoGAN, Relation
from lightning_cgan.papers.perceptual_super_resolution import PerceptualSuperResolution
from lightning_cgan.papers.pix2pix import Pix2Pix
from lightning_cgan.papers.srgan import SRGAN
from lightning_cgan.papers.srresnet import SRResNet
from tests.golden.batches import Case, falling, image, quick, two_domains
from tests.golden.weights import D, Features, G

PAIR, ALIKE = PairSpec(1, 3, 8), PairSpec(2, 2, 8)


def pix2pix():
    def case(spec=PAIR, *, translated=0, **options):
        networks = {"generator": G(unet.UNet, width=2), "discriminator": D(patchgan.PatchGAN, layers=1, width=2)}
        new = image("new", 3, 1, translated, translated)
        images = (lambda module: module.translate(new, seed=1)) if translated else None
        return Case(partial(Pix2Pix, spec, **(networks | options)), two_domains(spec, Paired), images)

    pixels = D(patchgan.PatchGAN, layers=0, width=2)
    instance = {
        "generator": G(resnet_translation.ResNet, width=2, blocks=1),
        "discriminator": D(patchgan.PatchGAN, layers=1, width=2, norm=patchgan.Norm.instance),
    }
    return {
        "optimizers": case(generator_optimizer=quick),
        "cgan and l1": case(schedule=falling),
        "cgan": case(l1_weight=0.0),
        "gan and l1": case(conditional=False),
        "gan": case(l1_weight=0.0, conditional=False),
        "l1": case(gan_weight=0.0, schedule=falling),
        "weights": case(l1_weight=3.0, gan_weight=0.5),
        "pixels": case(discriminator=pixels),
        "pixels unconditional": case(discriminator=pixels, conditional=False),
        "instance norm": case(**instance),
        **{
            f"{statistics.name} statistics": case(statistics_at_test=statistics, dropout_at_test=False, translated=8)
            for statistics in NormStatistics
        },
        "dropout at test": case(translated=8),
        "tiles": case(translated=14, tile=8, overlap=4),
        "padded": case(PairSpec(1, 3, 10), translated=11),
    }


def cyclegan():
    networks = {
        "generator": G(resnet_translation.ResNet, width=2, blocks=1),
        "discriminator": D(patchgan.PatchGAN, layers=1, width=2, norm=patchgan.Norm.instance),
    }

    def case(spec=PAIR, **options):
        new = image("new", 2, spec.channels_a, spec.size, spec.size)
        return Case(
            partial(CycleGAN, spec, **networks, **options), two_domains(spec, Unpaired), lambda m: m.translate(new)
        )

    return {
        "optimizers": case(generator_optimizer=quick),
        "pool": case(pool_size=1),
        "no pool": case(pool_size=0),
        "identity": case(ALIKE, identity_weight=0.5),
        "identity and unequal cycles": case(ALIKE, identity_weight=0.5, cycle_weight_b=3.0, pool_size=3),
        "padded": case(PairSpec(1, 3, 10)),
        "no cycle": case(cycle_weight_a=0.0, cycle_weight_b=0.0),
        "cycle of a": case(cycle_weight_b=0.0),
        "cycle of b": case(cycle_weight_a=0.0, cycle_weight_b=3.0, schedule=falling),
    }


def discogan():
    def case(spec=PAIR, **options):
        networks = {
            "generator": G(discogan_networks.Generator, width=2),
            "discriminator": D(discogan_networks.Discriminator, width=2),
        }
        return Case(partial(DiscoGAN, spec, **(networks | options)), two_domains(spec, Unpaired))

    points = {
        "generator": G(discogan_networks.PointGenerator, width=4),
        "discriminator": D(discogan_networks.PointDiscriminator, width=4),
    }
    rates = {"rate": 0.5, "starting_rate": 0.01, "curriculum": 1}
    return {
        "optimizers": case(generator_optimizer=quick),
        **{relation.name: case(relation=relation) for relation in Relation},
        **{f"distance {distance.name}": case(reconstruction=distance) for distance in Distance},
        "feature matching": case(PairSpec(1, 3, 16), feature_matching=0.9),
        "curriculum": case(**rates),
        "rate": case(rate=0.9),
        "features of one way": case(PairSpec(1, 3, 16), relation=Relation.reconstruction, feature_matching=0.9),
        "authors' code": case(PairSpec(1, 3, 16), **rates, feature_matching=0.9, generator_updates=2),
        "points": case(PairSpec(2, 2, 1), **points, generator_updates=2),
    }


def super_resolved(paper, spec, size=2):
    """Cases of a paper that enlarges images, and its images of new low resolutions."""

    def case(**options):
        images = lambda module: module(image("new", 2, 3, 8, 8))  # noqa: E731
        return Case(partial(paper, spec, **options), two_domains(spec, Paired, size), images)

    return case


def perceptual_super_resolution():
    def case(norm=False, **options):
        network = {key: options.pop(key) for key in ("upsampling", "skip") if key in options}
        generator = G(enlarging.SuperResolutionNetwork, width=2, blocks=1, **network)
        return super_resolved(PerceptualSuperResolution, PairSpec(3, 3, 8, 2))(
            generator=generator, **({"match_histogram": False} | options)
        )

    return {
        "pixels": case(),
        "features": case(features=Features),
        "first tap": case(features=Features, tap=0, schedule=falling),
        "histogram": case(match_histogram=True),
        "nearest, bicubic": case(upsampling="nearest", skip="bicubic"),
    }


def srresnet():
    case = super_resolved(SRResNet, PairSpec(3, 3, 8, 2))
    network = srresnet_networks.Generator
    generator = G(network, width=2, blocks=2)
    return {
        "pixels": case(generator=generator),
        "l1": case(generator=generator, pixel_loss=torch.nn.functional.l1_loss, schedule=falling),
        "features": case(generator=generator, features=Features, rescaling=0.5),
        "bicubic, no norm": case(generator=G(network, width=2, blocks=2, norm=False, bicubic_skip=True)),
    }


def srgan():
    networks = {
        "generator": G(srresnet_networks.Generator, width=2, blocks=1),
        "discriminator": D(srresnet_networks.Discriminator, width=1),
    }
    case = partial(super_resolved(SRGAN, PairSpec(3, 3, 16, 2)), **networks, init_checkpoint=None)
    return {
        "optimizers": case(generator_optimizer=quick),
        "pixels": case(),
        "features": case(features=Features, rescaling=0.5),
        "features and pixels": case(features=Features, pixel_weight=0.3, adversarial_weight=0.1),
        "schedule": case(adversarial_weight=0.1, schedule=falling),
    }
