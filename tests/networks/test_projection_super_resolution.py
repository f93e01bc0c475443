from functools import partial

import pytest
import torch
from torch.nn import functional as F

from lightning_cgan.batches import ImageSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks.projection_super_resolution import (
    ConcatDiscriminator,
    Discriminator,
    Generator,
    projection_logit,
    reduced,
)
from tests.networks.statement import agree, starts_as
from tests.networks.test_sngan import double, stated_block


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_parameters_are_as_many_as_in_the_authors_code():
    spec = ImageSpec(3, 128)
    with torch.device("meta"):
        assert parameters(Generator(spec)) == 5_330_825
    assert parameters(ConcatDiscriminator(spec)) == 29_401_557


@pytest.mark.parametrize(("size", "scale"), [(128, 3), (128, 1), (24, 2), (8, 4)])
def test_other_sizes_and_scales_are_refused(size, scale):
    for network in (Generator, Discriminator, ConcatDiscriminator):
        with pytest.raises(UserError, match=rf"got size {size} and scale {scale}. Set data.init_args.size"):
            network(ImageSpec(3, size), scale=scale)


def test_the_logit_is_the_inner_product_with_the_low_resolution_over_the_root_of_its_size():
    projected = torch.arange(8.0, dtype=torch.float64).view(1, 2, 2, 2)
    low = torch.tensor([1, 0, 0, 2, 0, 0, 0, 1], dtype=torch.float64).view(1, 2, 2, 2)
    logit = projection_logit(projected, low, torch.tensor([[0.5]], dtype=torch.float64))
    assert logit.tolist() == pytest.approx([(0 + 2 * 3 + 7) / 8**0.5 + 0.5], abs=1e-12)


def test_reducing_keeps_the_mean_light_and_even_images_as_they_are():
    assert torch.allclose(reduced(torch.full((1, 1, 16, 16), 0.3), 4), torch.full((1, 1, 4, 4), 0.3))
    image = torch.zeros(1, 1, 16, 16)
    image[..., 6:10, 6:10] = 1
    assert reduced(image, 4).mean().item() == pytest.approx(image.mean().item(), rel=1e-5)


def stated_generator_block(net, name, x, noise=None):
    """Doubles the map if there is noise."""
    h = net.batch_norm(f"{name}.norm1", x, eps=2e-5).relu()
    if noise is not None:
        h, x = double(torch.cat([h, noise], 1)), double(x)
    h = net.conv(f"{name}.conv1", h, padding=1)
    h = net.conv(f"{name}.conv2", net.batch_norm(f"{name}.norm2", h, eps=2e-5).relu(), padding=1)
    return h + (net.conv(f"{name}.skip", x) if f"{name}.skip.weight" in net.held else x)


def stated_generator(net, low, noise):
    x = low
    for number in range(4):
        x = stated_generator_block(net, f"low.{number}", x)
    parts = noise[:, : 3 * 16].view(-1, 3, 4, 4), noise[:, 3 * 16 :].view(-1, 3, 8, 8)
    for number, part in enumerate(parts):
        x = stated_generator_block(net, f"up.{number}", x, part)
        x = stated_generator_block(net, f"keep.{number}", x)
    return net.conv("to_image", net.batch_norm("norm", x, eps=2e-5).relu(), padding=1).tanh()


def stated_discriminator(net, image, low, concat):
    """32 pixels, of which the low resolution has 8: two stages of halving to it, one more to 4x4."""
    x = image
    for number in range(4):
        x = stated_block(net, f"upper.{number}", x, halving=number % 2 == 0, first=number == 0)
    h = torch.cat([x, low], 1) if concat else x
    h = stated_block(net, "lower.1", stated_block(net, "lower.0", h, halving=True), halving=False).relu()
    pooled = h.sum((2, 3)) / 4  # the root of 16 places
    logit = net.linear("score", pooled, weight=net.spectral("score"))[:, 0]
    if concat:
        return logit
    projected = net.conv("project", x, weight=net.spectral("project"), padding=1).float()
    return logit + (projected * low).sum((1, 2, 3)) / low[0].numel() ** 0.5


def test_layers_are_those_of_the_authors_code():
    low = torch.rand(2, 2, 4, 4)
    generator = Generator(ImageSpec(2, 16), width=2, noise=3)
    agree(generator, stated_generator, low, torch.randn(2, generator.latent_dim))
    image, low = torch.rand(2, 2, 32, 32), torch.rand(2, 2, 8, 8)
    for kind, concat in ((Discriminator, False), (ConcatDiscriminator, True)):
        agree(kind(ImageSpec(2, 32), width=2), partial(stated_discriminator, concat=concat), image, low)


def test_without_halvings_below_the_low_resolution_one_block_keeps_its_map():
    network = Discriminator(ImageSpec(2, 16), width=2)
    assert [block.halving for block in network.lower] == [False]


def test_weights_start_as_chainer_starts_them():
    torch.manual_seed(0)
    for network in (Generator(ImageSpec(2, 16), 16, noise=4), Discriminator(ImageSpec(2, 16), 16)):
        for name, weight in network.named_parameters():
            if weight.ndim > 1:
                fans = weight[0, 0].numel() * (weight.shape[0] + weight.shape[1])
                starts_as(weight, "uniform", (6 * (2 if "conv" in name else 1) / fans) ** 0.5)


def test_the_condition_is_the_bilinear_reduction_with_antialiasing():
    image = torch.rand(1, 2, 16, 16)
    weight = torch.tensor([1, 3, 5, 7, 7, 5, 3, 1.0]) / 32  # a triangle of four pixels to each side
    kernel = (weight[:, None] * weight).expand(2, 1, 8, 8)
    inner = F.conv2d(image[..., 2:14, 2:14], kernel, stride=4, groups=2)
    assert torch.allclose(reduced(image, 4)[..., 1:3, 1:3], inner, atol=1e-6)
