"""Every paper at a tiny size, and what an evaluation makes of a batch with it."""

from importlib import import_module
from pkgutil import iter_modules

import torch
from lightning.pytorch import LightningModule

from lightning_cgan import papers
from lightning_cgan.batches import EvalBatch, ImageSpec, LatentBatch, Paired, PairSpec, Unpaired
from lightning_cgan.networks import (
    acgan,
    dcgan,
    discogan,
    mlp,
    progan,
    projection_super_resolution,
    sgan,
    sngan,
    srresnet,
    wgan_gp,
)
from lightning_cgan.networks.blocks.norms import Norm
from lightning_cgan.networks.blocks.switches import NormStatistics
from lightning_cgan.networks.patchgan import PatchGAN
from lightning_cgan.networks.perceptual_super_resolution import SuperResolutionNetwork
from lightning_cgan.networks.resnet_translation import ResNet
from lightning_cgan.networks.style import StyleNetwork
from lightning_cgan.networks.unet import UNet
from lightning_cgan.papers.acgan import ACGAN
from lightning_cgan.papers.cgan import ConditionalGAN
from lightning_cgan.papers.cyclegan import CycleGAN
from lightning_cgan.papers.discogan import DiscoGAN
from lightning_cgan.papers.gan import GAN
from lightning_cgan.papers.perceptual_super_resolution import PerceptualSuperResolution
from lightning_cgan.papers.pix2pix import Pix2Pix
from lightning_cgan.papers.progan import ProGAN
from lightning_cgan.papers.projection import ProjectionGAN
from lightning_cgan.papers.projection_super_resolution import ProjectionSuperResolution
from lightning_cgan.papers.sgan import SGAN
from lightning_cgan.papers.srgan import SRGAN
from lightning_cgan.papers.srresnet import SRResNet
from lightning_cgan.papers.style_transfer import StyleTransfer
from lightning_cgan.papers.supervised_baseline import SupervisedBaseline
from lightning_cgan.papers.wgan import WGAN
from lightning_cgan.papers.wgan_gp import WGANGP

DIGITS, COLOURED = ImageSpec(1, 16, 10), ImageSpec(3, 16)
PAIRS, ENLARGED = PairSpec(3, 3, 16), PairSpec(3, 3, 32, scale=4)


def narrow(**networks):
    """Factories of the networks, width 4."""
    return {role: lambda spec, network=network: network(spec, 4) for role, network in networks.items()}


def pix2pix(norm=Norm.batch, **options):
    return Pix2Pix(PAIRS, lambda s: UNet(s, width=4, norm=norm), patches, **options)


def patches(channels):
    return PatchGAN(channels, 1, width=4)


def semi(**options):
    return SGAN(DIGITS, **narrow(generator=sgan.SmallGenerator, classifier=sgan.SmallClassifier), **options)


def style(norm):
    return StyleTransfer(COLOURED, "brick", torch.nn.Identity, lambda s: StyleNetwork(s, 2, blocks=1, norm=norm))


SR = {"generator": lambda s: srresnet.Generator(s, 4, 1)}
PROGAN = {
    "generator": lambda s: progan.Generator(s, 64, 8, 8),
    "discriminator": lambda s: progan.Discriminator(s, 64, 8),
}
MAKERS = {
    "gan": lambda: GAN(DIGITS, **narrow(generator=dcgan.Generator, discriminator=dcgan.Discriminator)),
    "gan without norm": lambda: GAN(DIGITS, **narrow(generator=mlp.Generator, discriminator=mlp.Discriminator)),
    "cgan": lambda: ConditionalGAN(DIGITS, **narrow(generator=dcgan.Generator, discriminator=dcgan.Discriminator)),
    "acgan": lambda: ACGAN(
        ImageSpec(3, 32, 10), **narrow(generator=acgan.Generator, discriminator=acgan.Discriminator)
    ),
    "projection": lambda: ProjectionGAN(DIGITS, **narrow(generator=sngan.Generator, discriminator=sngan.Discriminator)),
    "projection super-resolution": lambda: ProjectionSuperResolution(
        DIGITS,
        **narrow(
            generator=projection_super_resolution.Generator, discriminator=projection_super_resolution.Discriminator
        ),
    ),
    "wgan": lambda: WGAN(DIGITS, **narrow(generator=dcgan.Generator, critic=dcgan.Discriminator)),
    "wgan-gp": lambda: WGANGP(DIGITS, **narrow(generator=wgan_gp.Generator, critic=wgan_gp.Critic)),
    "progan": lambda: ProGAN(DIGITS, **PROGAN),
    "sgan": semi,
    "sgan without average": lambda: semi(ema_decay=None),
    "supervised twin": lambda: SupervisedBaseline(DIGITS, **narrow(classifier=sgan.SmallClassifier)),
    "pix2pix": pix2pix,
    "pix2pix without dropout": lambda: pix2pix(dropout_at_test=False),
    "pix2pix by tiles": lambda: pix2pix(tile=16, overlap=4),
    "pix2pix by batches": lambda: pix2pix(statistics_at_test=NormStatistics.batch),
    "pix2pix by running statistics": lambda: pix2pix(statistics_at_test=NormStatistics.running),
    "pix2pix with instance norm": lambda: pix2pix(norm=Norm.instance),
    "cyclegan": lambda: CycleGAN(PAIRS, lambda s: ResNet(s, 4, blocks=1), patches),
    "discogan": lambda: DiscoGAN(PAIRS, **narrow(generator=discogan.Generator, discriminator=discogan.Discriminator)),
    "style transfer": lambda: style("instance"),
    "style transfer with batch norm": lambda: style("batch"),
    "perceptual super-resolution": lambda: PerceptualSuperResolution(
        ENLARGED, generator=lambda s: SuperResolutionNetwork(s, 2, 1)
    ),
    "srresnet": lambda: SRResNet(ENLARGED, **SR),
    "srgan": lambda: SRGAN(ENLARGED, None, **SR, discriminator=lambda s: srresnet.Discriminator(s, 2)),
}


def every_paper():
    """The classes of all files in ``papers``."""
    modules = [import_module(f"{papers.__name__}.{entry.name}") for entry in iter_modules(papers.__path__)]
    return {
        thing
        for module in modules
        for thing in vars(module).values()
        if isinstance(thing, type)
        and issubclass(thing, LightningModule)
        and thing.__module__ == module.__name__
        and not thing.__module__.endswith((".base", ".kinds"))
    }


def made(name):
    """The paper ``name``, every weight and every running statistic at random, in eval mode."""
    torch.manual_seed(0)
    paper = MAKERS[name]()
    with torch.no_grad():
        for weight in paper.parameters():
            if weight.ndim > 1:  # so large that no layer's input vanishes
                weight.normal_(std=weight[0].numel() ** -0.5)
        for buffer, value in paper.named_buffers():
            if "running" in buffer:
                value.copy_(torch.randn_like(value) / 10 if "mean" in buffer else torch.rand_like(value) + 0.5)
    return paper.eval()


def batch(paper, count=5):
    """An evaluation batch of ``count`` images of the kind that ``paper`` is evaluated on."""
    draw = torch.Generator().manual_seed(1)
    kind, spec = getattr(paper, "training_batch", None), paper.spec
    if isinstance(spec, ImageSpec):
        image = torch.rand(count, spec.channels, spec.size, spec.size, generator=draw) * 2 - 1
        return EvalBatch(image, torch.arange(count), LatentBatch(torch.arange(count), torch.arange(count)))
    assert kind in (Paired, Unpaired)
    sides = spec.size // spec.scale, spec.size
    return kind(*(torch.rand(count, 3, side, side, generator=draw) * 2 - 1 for side in sides))


def at(part, places):
    """The images at ``places`` of an evaluation batch."""
    return type(part)(*(at(field, places) if isinstance(field, LatentBatch) else field[places] for field in part))


@torch.no_grad()
def outputs(paper, part, number=0):
    """What an evaluation makes of the batch ``part``, by name: images, and probabilities of a classifier."""
    seen = paper.validation_step(part, number)
    made = {"fake": seen.fake, "recovered": seen.reconstruction, "back": seen.reverse and seen.reverse.fake}
    if paper.__class__ in (SGAN, SupervisedBaseline):
        made["classes"] = paper.classify(part.image)
    return {name: value.clone() for name, value in made.items() if value is not None and len(value)}
