"""What the bases of papers do for each of their kinds."""

import torch
from torch import nn

from lightning_cgan.batches import EvalBatch, ImageSpec, LatentBatch, PairSpec
from lightning_cgan.networks import mlp, progan
from lightning_cgan.papers.cgan import ConditionalGAN
from lightning_cgan.papers.progan import ProGAN
from lightning_cgan.papers.srresnet import SRResNet
from tests.super_resolution import small_generator


class Loud(nn.Module):
    """A generator whose images exceed [-1, 1] on both sides."""

    def __init__(self, spec):
        super().__init__()
        self.scale = spec.scale

    def forward(self, low):
        return 3 * low.repeat_interleave(self.scale, -1).repeat_interleave(self.scale, -2)


def test_an_enlarged_image_is_clipped():
    low = torch.tensor([-1.0, -0.2, 0.1, 1.0]).view(1, 1, 2, 2)
    image = SRResNet(PairSpec(1, 1, 8, 4), generator=Loud)(low)
    assert image.unique().tolist() == torch.tensor([-1.0, -0.6, 0.3, 1.0]).tolist()


def test_networks_of_a_loss_are_in_eval_mode_and_take_no_gradient():
    paper = SRResNet(
        PairSpec(3, 3, 16, 4), generator=small_generator, features=lambda: nn.Sequential(nn.BatchNorm2d(3))
    )
    paper.build_frozen()
    (network,) = paper.frozen
    assert not any(part.training for part in network.modules())
    assert not any(weight.requires_grad for weight in network.parameters())


def test_real_images_keep_their_labels_and_generated_ones_have_those_asked_for():
    gan = ConditionalGAN(ImageSpec(1, 4, 10), generator=mlp.Generator, discriminator=mlp.Discriminator).eval()
    asked = LatentBatch(torch.tensor([7, 8]), torch.arange(2))
    output = gan.validation_step(EvalBatch(torch.zeros(2, 1, 4, 4), torch.tensor([1, 2]), asked), 0)
    assert (output.target.tolist(), output.fake_label.tolist()) == ([1, 2], [7, 8])


def test_a_checkpoint_of_progan_evaluates_at_the_resolution_of_its_last_update():
    gan = ProGAN(
        ImageSpec(1, 8),
        generator=lambda spec: progan.Generator(spec, 32, 8, 4),
        discriminator=lambda spec: progan.Discriminator(spec, 32, 8),
    )
    assert gan.begin(5) == gan.growth.stage(5)
    assert int(gan.state_dict()["trained"]) == 5
