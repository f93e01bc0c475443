"""What the golden updates run: every paper in each of its modes, with tiny networks and random batches.

Where arguments, classes, networks or kinds of batch get other names, this file, ``pair_cases`` and ``batches`` change;
the numbers do not.
"""

from functools import partial
from importlib import import_module
from pathlib import Path

import torch

from lightning_cgan.batches import ImageSpec
from lightning_cgan.losses.objectives import Objective
from lightning_cgan.losses.perceptual import mean_style_loss
from lightning_cgan.losses.semi_supervised import GeneratorLoss
from lightning_cgan.networks import acgan as acgan_networks
from lightning_cgan.networks import (
    dcgan,
    gans_in_action,
    maxout,
    mlp,
    sngan,
    sngan_class_head,
    sngan_concat,
    style,
)
from lightning_cgan.networks import progan as progan_networks
from lightning_cgan.networks import projection_super_resolution as told_low
from lightning_cgan.networks import sgan as sgan_networks
from lightning_cgan.networks import wgan_gp as wgan_gp_networks
from lightning_cgan.optimize import Adam
from lightning_cgan.papers.acgan import ACGAN
from lightning_cgan.papers.cgan import ConditionalGAN
from lightning_cgan.papers.gan import GAN
from lightning_cgan.papers.gatys import gatys as stylise
from lightning_cgan.papers.progan import ProGAN
from lightning_cgan.papers.projection import ProjectionGAN
from lightning_cgan.papers.projection_super_resolution import ProjectionSuperResolution
from lightning_cgan.papers.sgan import SGAN
from lightning_cgan.papers.style_transfer import StyleTransfer
from lightning_cgan.papers.supervised_baseline import SupervisedBaseline
from lightning_cgan.papers.wgan import WGAN
from lightning_cgan.papers.wgan_gp import WGANGP
from lightning_cgan.schedules.learning_rate import ConstantThenLinear
from tests.golden.batches import UPDATES, Case, falling, image, labelled, partly_labelled, quick
from tests.golden.pair_cases import (
    cyclegan,
    discogan,
    perceptual_super_resolution,
    pix2pix,
    srgan,
    srresnet,
)
from tests.golden.weights import D, Features, G, fixed

SMALL, MEDIUM, LARGE = (ImageSpec(1, size, 3) for size in (4, 8, 16))
STYLE = str(Path(__file__).with_name("style.png"))


def gan():
    def case(spec=SMALL, n=1, **options):
        networks = {
            "generator": G(maxout.Generator, latent_dim=3, width=5),
            "discriminator": D(maxout.Discriminator, units=4),
        }
        return Case(partial(GAN, spec, **(networks | {"n_critic": n} | options)), labelled(spec, n))

    adam = partial(Adam, lr=2e-3, beta1=0.5, beta2=0.999)
    convolutional = {
        "generator": G(dcgan.Generator, width=2, latent_dim=3),
        "discriminator": D(dcgan.Discriminator, width=2),
    }
    points = {"generator": G(mlp.Generator, width=4, depth=2), "discriminator": D(mlp.Discriminator, width=4, depth=2)}
    return {
        **{objective.name: case(objective=objective) for objective in Objective},
        "two discriminator updates": case(n=2, schedule=falling),
        "r1": case(r1_weight=0.7),
        "dcgan": case(
            MEDIUM, **convolutional, generator_optimizer=adam, discriminator_optimizer=adam, schedule=falling
        ),
        "points": case(ImageSpec(2, 1), **points, generator_optimizer=adam),
    }


def cgan():
    def case(spec=SMALL, n=1, **options):
        networks = {
            "generator": G(maxout.ConditionalGenerator, latent_dim=3, noise_width=4, label_width=5, width=6),
            "discriminator": D(maxout.ConditionalDiscriminator, units=4, label_units=3),
        }
        return Case(partial(ConditionalGAN, spec, **(networks | {"n_critic": n} | options)), labelled(spec, n))

    convolutional = {
        "generator": G(dcgan.Generator, width=2, latent_dim=3),
        "discriminator": D(dcgan.Discriminator, width=2),
    }
    concat = {
        "generator": G(sngan.Generator, width=2, latent_dim=3),
        "discriminator": D(sngan_concat.Discriminator, width=2, embedding_dim=3),
    }
    return {
        "optimizers": case(generator_optimizer=quick),
        **{objective.name: case(objective=objective) for objective in Objective},
        "two discriminator updates": case(n=2, g_batch_ratio=2, schedule=falling),
        "r1": case(r1_weight=0.7),
        "dcgan": case(MEDIUM, **convolutional),
        "concat": case(LARGE, n=2, **concat, objective=Objective.hinge),
    }


def acgan():
    def case(spec=MEDIUM, n=1, **options):
        networks = {
            "generator": G(acgan_networks.Generator, width=1, latent_dim=3),
            "discriminator": D(acgan_networks.Discriminator, width=1),
        }
        return Case(partial(ACGAN, spec, **(networks | {"n_critic": n} | options)), labelled(spec, n))

    head = {
        "generator": G(sngan.Generator, width=2, latent_dim=3),
        "discriminator": D(sngan_class_head.Discriminator, width=2),
    }
    return {
        "optimizers": case(generator_optimizer=quick),
        "defaults": case(),
        "classes of real images": case(class_loss_on="real"),
        "weights": case(discriminator_class_weight=0.3, generator_class_weight=0.1),
        "two discriminator updates": case(n=2, g_batch_ratio=2, schedule=falling),
        "class head": case(LARGE, n=2, **head, objective=Objective.hinge),
    }


def projection():
    networks = {
        "generator": G(sngan.Generator, width=2, latent_dim=3),
        "discriminator": D(sngan.Discriminator, width=2),
    }

    def case(n=1, **options):
        return Case(partial(ProjectionGAN, LARGE, **networks, n_critic=n, **options), labelled(LARGE, n))

    classifier = fixed("classifier", LinearClassifier)
    return {
        "optimizers": case(generator_optimizer=quick),
        "two discriminator updates": case(n=2),
        "as many fakes": case(g_batch_ratio=1, schedule=ConstantThenLinear(1)),
        "fine-tuned": case(classifier=classifier, classifier_weight=0.5, classifier_start=1),
    }


class LinearClassifier(torch.nn.Module):
    """Images (B, 1, H, W) -> logits (B, K), in float64."""

    def __init__(self, spec):
        super().__init__()
        self.layer = torch.nn.Linear(spec.size**2, spec.num_classes, dtype=torch.float64)

    def forward(self, image):
        return self.layer(image.double().flatten(1))


def wgan():
    networks = {"generator": G(dcgan.Generator, width=2, latent_dim=3), "critic": D(dcgan.Discriminator, width=2)}

    def case(counts, spec=MEDIUM, **options):
        return Case(partial(WGAN, spec, **(networks | {"clip_value": 0.1} | options)), labelled(spec, counts))

    return {
        "optimizers": case(1, n_critic=1, n_critic_warmup=1, warmup=0, generator_optimizer=quick),
        "warm-up": case([3, 2, 2], n_critic=2, n_critic_warmup=3, warmup=1),
        "now and then": case([3, 2, 3], n_critic=2, n_critic_warmup=3, warmup=0, long_every=2),
        "schedule": case(1, n_critic=1, warmup=0, schedule=falling, n_critic_warmup=1),
        "norms": case(2, LARGE, n_critic=2, warmup=0, n_critic_warmup=2, clip_value=0.3),
    }


def wgan_gp():
    def case(spec=LARGE, n=1, **options):
        networks = {
            "generator": G(wgan_gp_networks.Generator, width=2, latent_dim=3),
            "critic": D(wgan_gp_networks.Critic, width=2),
        }
        return Case(partial(WGANGP, spec, **(networks | {"n_critic": n} | options)), labelled(spec, n))

    points = {"generator": G(mlp.Generator, width=4, depth=2), "critic": D(mlp.Discriminator, width=4, depth=2)}
    return {
        "optimizers": case(generator_optimizer=quick),
        "defaults": case(),
        "three critic updates": case(n=3, g_batch_ratio=2, schedule=falling),
        "penalty": case(n=2, gp_weight=0.1),
        "points": case(ImageSpec(2, 1), n=2, **points),
    }


def progan():
    networks = {
        "generator": G(progan_networks.Generator, std=1.0, fmap_base=16, fmap_max=4, latent_dim=3),
        "discriminator": D(progan_networks.Discriminator, std=1.0, fmap_base=16, fmap_max=4),
    }
    grown = {"start_resolution": 8, "rampup_kimg": 0.01}

    def case(**options):
        lengths = {"stable_kimg": 0.003, "fade_kimg": 0.004, "batch_sizes": {4: 4}}
        return Case(partial(ProGAN, MEDIUM, **(networks | lengths | options)), labelled(MEDIUM, size=4))

    groups = D(progan_networks.Discriminator, std=1.0, fmap_base=16, fmap_max=4, group_size=2)
    return {
        "optimizers": case(**grown, generator_optimizer=quick),
        "growing": case(rampup_kimg=0.01),
        "growing conditional": case(rampup_kimg=0.01, conditional=True),
        "grown": case(**grown, ema_decay=0.9, gp_weight=3.0, drift_weight=0.5),
        "simultaneous": case(**grown, simultaneous=True, gamma=2.0, conditional=True, class_weight=0.3),
        "growing simultaneous": case(rampup_kimg=0.01, simultaneous=True),
        "groups": case(**grown, discriminator=groups),
        "lengths": case(stable_kimg=0.002, fade_kimg=0.008, batch_sizes={4: 4, 8: 2}, rampup_kimg=0.02),
    }


def sgan():
    def case(spec=SMALL, **options):
        networks = {
            "generator": G(sgan_networks.MLPGenerator, hidden=5, latent_dim=3),
            "classifier": D(sgan_networks.MLPClassifier, hidden=(6, 5)),
        }
        return Case(partial(SGAN, spec, **(networks | options)), partly_labelled(spec))

    small = {
        "generator": G(sgan_networks.SmallGenerator, width=3, latent_dim=3),
        "classifier": D(sgan_networks.SmallClassifier, width=3),
    }
    large = {
        "generator": G(sgan_networks.ConvGenerator, width=2, latent_dim=3),
        "classifier": D(sgan_networks.ConvClassifier, width=3),
    }
    book = {"generator": G(gans_in_action.Generator, latent_dim=3), "classifier": D(gans_in_action.Classifier)}
    return {
        "optimizers": case(generator_optimizer=quick),
        **{loss.name: case(generator_loss=loss, ema_decay=0.9) for loss in GeneratorLoss},
        "weight and schedule": case(unlabelled_weight=0.3, schedule=falling),
        "no average": case(ema_decay=None),
        "small": case(MEDIUM, **small),
        "convolutional": case(LARGE, **large),
        "gans in action": case(MEDIUM, **book, generator_loss=GeneratorLoss.non_saturating),
    }


def supervised_baseline():
    def case(spec=SMALL, **options):
        classifier = D(sgan_networks.MLPClassifier, hidden=(6, 5))
        return Case(partial(SupervisedBaseline, spec, **({"classifier": classifier} | options)), partly_labelled(spec))

    return {
        "defaults": case(),
        "small": case(MEDIUM, classifier=D(sgan_networks.SmallClassifier, width=3), schedule=falling),
    }


def projection_super_resolution():
    generator = G(told_low.Generator, width=2, scale=2, noise=2)

    def case(network=told_low.Discriminator, n=1, **options):
        networks = {"generator": generator, "discriminator": D(network, width=2, scale=2)}
        return Case(partial(ProjectionSuperResolution, MEDIUM, **networks, n_critic=n, **options), labelled(MEDIUM, n))

    return {
        "optimizers": case(generator_optimizer=quick),
        "projection": case(n=2, schedule=ConstantThenLinear(1)),
        "concat": case(told_low.ConcatDiscriminator, schedule=ConstantThenLinear(0)),
    }


def style_transfer():
    spec = ImageSpec(3, 8)

    def case(norm="instance", upsampling="transposed", **options):
        generator = G(style.StyleNetwork, width=2, blocks=1, norm=norm, upsampling=upsampling)
        taps = {"content_taps": (1,), "style_taps": (0, 1), "style_size": None}
        return Case(
            partial(StyleTransfer, spec, STYLE, Features, **({"generator": generator} | taps | options)),
            labelled(spec, size=2),
            lambda module: module(image("new", 2, 3, 8, 8)),
        )

    return {
        "defaults": case(),
        "batch norm": case(norm="batch", upsampling="nearest", schedule=falling),
        "weights": case(content_weight=0.3, style_weight=70.0, tv_weight=2e-6),
        "style size": case(style_size=4),
        "mean style loss": case(style_distance=mean_style_loss, content_taps=(0, 1), style_taps=(1,)),
    }


def gatys():
    def case(**options):
        """The losses before and after each of three steps, and the image in the end."""
        content, painting = image("content", 2, 3, 8, 8), image("style", 1, 3, 8, 8)
        found, losses = stylise(content, painting, Features(), steps=UPDATES, content_taps=(1,), **options)
        return {"losses": losses, "images": {"norm": found.norm().item(), "sum": found.sum().item()}}

    taps = {"style_taps": (0, 1)}
    return {
        "defaults": partial(case, **taps),
        "adam": partial(case, **taps, optimizer=lambda pixels: torch.optim.Adam(pixels, lr=0.1)),
        "weights": partial(case, style_taps=(0,), content_weight=0.3, style_weight=10.0),
        "noise": partial(case, **taps, start=image("noise", 2, 3, 8, 8)),
    }


PAPERS = {
    function.__name__: function
    for function in (
        *(gan, cgan, acgan, projection, wgan, wgan_gp, progan, sgan, supervised_baseline),
        *(pix2pix, cyclegan, discogan),
        *(perceptual_super_resolution, projection_super_resolution, srresnet, srgan, style_transfer, gatys),
    )
}
for file in sorted(Path(__file__).parent.glob("cases_*.py")):  # those of a new paper: a function ``cases`` like these
    PAPERS[file.stem.removeprefix("cases_")] = import_module(f"tests.golden.{file.stem}").cases
