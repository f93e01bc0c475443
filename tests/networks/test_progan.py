from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.functional import avg_pool2d, interpolate

from lightning_cgan.batches import ImageSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks.progan import Discriminator, Generator, minibatch_std, pixel_norm, resolutions
from tests.networks.statement import agree, starts_as

SMALL = {"fmap_base": 64, "fmap_max": 8}
SPEC = ImageSpec(channels=2, size=16)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("size", "widths", "latent_dim", "generator", "discriminator"),
    [
        (32, {}, 512, 20_719_628, 20_726_785),
        (32, {"fmap_base": 2048}, 512, 13_491_084, 13_497_985),
        (32, {"fmap_base": 4096, "fmap_max": 128}, 128, 1_296_908, 1_298_689),
        (128, {}, 512, 22_933_394, 22_941_313),
        (256, {}, 512, 23_044_309, 23_052_353),
        (1024, {}, 512, 23_079_115, 23_087_249),
    ],
)
def test_parameters_are_as_many_as_in_the_released_code(size, widths, latent_dim, generator, discriminator):
    with torch.device("meta"):
        assert parameters(Generator(ImageSpec(3, size), **widths, latent_dim=latent_dim)) == generator
        assert parameters(Discriminator(ImageSpec(3, size), **widths)) == discriminator


def test_each_class_adds_an_input_and_an_output():
    with torch.device("meta"):
        plain, labelled = ImageSpec(3, 32), ImageSpec(3, 32, 10)
        assert parameters(Generator(labelled)) - parameters(Generator(plain)) == 10 * 512 * 16
        assert parameters(Discriminator(labelled)) - parameters(Discriminator(plain)) == 10 * (512 + 1)


@pytest.mark.parametrize("resolution", [8, 16])
def test_a_fade_leads_from_the_old_path_to_the_new(resolution):
    generator, discriminator = Generator(SPEC, **SMALL), Discriminator(SPEC, **SMALL)
    noise, image = torch.randn(3, 512), torch.randn(3, 2, resolution, resolution)
    old = interpolate(generator(noise, resolution=resolution // 2), scale_factor=2)
    new = generator(noise, resolution=resolution)
    assert torch.equal(generator(noise, resolution=resolution, alpha=0.0), old)
    assert torch.equal(generator(noise, resolution=resolution, alpha=1.0), new)
    assert torch.allclose(generator(noise, resolution=resolution, alpha=0.25), 0.75 * old + 0.25 * new, atol=1e-6)
    assert torch.equal(discriminator(image, 0.0)[0], discriminator(avg_pool2d(image, 2))[0])
    before, after = discriminator(image, 1 - 1e-6)[0], discriminator(image)[0]
    assert torch.allclose(before, after, atol=1e-4)
    assert not torch.allclose(discriminator(image, 0.0)[0], after, atol=1e-4)


def test_the_smallest_resolution_has_nothing_to_fade_from():
    generator, discriminator = Generator(SPEC, **SMALL), Discriminator(SPEC, **SMALL)
    image = generator(torch.ones(2, 512), resolution=4, alpha=0.5)
    assert torch.equal(image, generator(torch.ones(2, 512), resolution=4))
    assert torch.equal(discriminator(image, 0.5)[0], discriminator(image)[0])


def test_nothing_bounds_the_image():
    generator = Generator(SPEC, **SMALL)
    nn.init.constant_(generator.to_image[-1].bias, 3.0)
    nn.init.zeros_(generator.to_image[-1].parametrizations.weight.original)
    assert generator(torch.randn(2, 512)).unique().tolist() == [3.0]


def test_only_the_direction_of_the_noise_counts():
    generator, noise = Generator(SPEC, **SMALL).double(), torch.randn(2, 512).double()
    assert torch.allclose(generator(noise), generator(7 * noise), atol=1e-6)


def test_the_label_changes_the_image():
    generator = Generator(SPEC._replace(num_classes=2), **SMALL)
    image = generator(torch.randn(1, 512).expand(2, -1), torch.tensor([0, 1]))
    assert not torch.allclose(image[0], image[1])


@pytest.mark.parametrize("size", [2, 3, 12, 48, 0, -4])
def test_a_size_that_is_not_a_power_of_two_is_refused(size):
    for network in (Generator, Discriminator):
        with pytest.raises(UserError, match=rf"power of two.* of {size}\..*Set data.init_args.size"):
            network(ImageSpec(3, size))


def test_an_empty_group_is_refused():
    with pytest.raises(UserError, match=r"at least 1 image; got 0. Set group_size"):
        Discriminator(SPEC, **SMALL, group_size=0)


def test_resolutions_double():
    assert resolutions(4) == [4]
    assert resolutions(1024) == [4, 8, 16, 32, 64, 128, 256, 512, 1024]


def test_minibatch_standard_deviation_gives_the_published_test_vectors():
    def deviations(values, group_size=None):
        return minibatch_std(torch.tensor(values, dtype=torch.float64).view(-1, 1, 1, 1), group_size).flatten().tolist()

    assert deviations([0, 1, 2, 5]) == pytest.approx([1.8708286961] * 4, abs=1e-9)
    assert deviations([0, 1, 2, 5], group_size=8) == deviations([0, 1, 2, 5])
    assert deviations(range(8), group_size=4) == pytest.approx([2.2360679797] * 8, abs=1e-9)


def test_a_group_is_every_nth_image_as_in_the_released_code():
    x = torch.zeros(4, 3, 2, 2)
    x[2] = 6  # shares its group of two with image 0
    assert minibatch_std(x, 2).mean((1, 2, 3)).tolist() == pytest.approx([3, 1e-4, 3, 1e-4])
    assert minibatch_std(x, 2).shape == (4, 1, 2, 2)


def test_pixel_norm_gives_the_published_test_vector():
    x = torch.tensor([[3, 4]], dtype=torch.float64)
    assert pixel_norm(x)[0].tolist() == pytest.approx([0.8485281371, 1.1313708494], abs=1e-9)


def test_norms_of_half_precision_are_computed_in_single():
    x = 300 * torch.randn(4, 64, 2, 2).bfloat16()
    assert torch.equal(pixel_norm(x), pixel_norm(x.float()).bfloat16())
    assert torch.equal(minibatch_std(x), minibatch_std(x.float()).bfloat16())
    assert pixel_norm(x.half()).isfinite().all()  # 300^2 is infinite in half precision


lrelu = partial(F.leaky_relu, negative_slope=0.2)


def pixel_normed(x):
    """Each pixel by itself: divided by the root mean square over its channels."""
    return x / (x.square().sum(1, keepdim=True) / x.shape[1] + 1e-8).sqrt()


def equalised(net, name, gain=2**0.5, fan_in=None):
    weight = net(f"{name}.parametrizations.weight.original")
    return weight * gain / (fan_in or weight[0].numel()) ** 0.5


def stated_generator(net, noise, label, alpha, classes=3):
    def layer(name, x, **padding):
        return pixel_normed(lrelu(net.conv(name, x, weight=equalised(net, name), **padding)))

    def image(level, x):
        name = f"to_image.{level}"
        return net.conv(name, x, weight=equalised(net, name, gain=1))

    x = pixel_normed(torch.cat([noise, F.one_hot(label, classes)], 1))
    start = equalised(net, "blocks.0.dense", 2**0.5 / 4, fan_in=x.shape[1])
    x = torch.einsum("bi,iohw->bohw", x, start) + net("blocks.0.dense.bias")[:, None, None]
    x = layer("blocks.0.conv", pixel_normed(lrelu(x)), padding=1)
    for level in (1, 2):
        before, wide = x, x.repeat_interleave(2, 2).repeat_interleave(2, 3)
        x = layer(f"blocks.{level}.conv2", layer(f"blocks.{level}.conv1", wide, padding=1), padding=1)
    old = image(1, before).repeat_interleave(2, 2).repeat_interleave(2, 3)
    return image(2, x) if alpha == 1 else (1 - alpha) * old + alpha * image(2, x)


def stated_discriminator(net, picture, alpha, group):
    def layer(name, x, **padding):
        return lrelu(net.conv(name, x, weight=equalised(net, name), **padding))

    x = layer("from_image.2", picture)
    for level in (1, 0):
        x = layer(f"blocks.{level}.conv2", layer(f"blocks.{level}.conv1", x, padding=1), padding=1)
        x = avg_pool2d(x, 2)
        if level == 1 and alpha < 1:
            x = alpha * x + (1 - alpha) * layer("from_image.1", avg_pool2d(picture, 2))
    spread = torch.empty(len(x), 1, 4, 4, dtype=x.dtype)
    groups = len(x) // group
    for first in range(groups):
        members = x[first::groups]
        deviation = ((members - members.mean(0)).square().mean(0) + 1e-8).sqrt()
        spread[first::groups] = deviation.mean()
    x = layer("head.conv", torch.cat([x, spread], 1), padding=1).flatten(1)
    x = lrelu(net.linear("head.dense1", x, weight=equalised(net, "head.dense1")))
    x = net.linear("head.dense2", x, weight=equalised(net, "head.dense2", gain=1))
    return x[:, 0], x[:, 1:]


@pytest.mark.parametrize("alpha", [1.0, 0.3])
def test_layers_are_those_of_the_paper(alpha):
    spec, unused = SPEC._replace(num_classes=3), {1.0: ["to_image.1", "to_image.0"], 0.3: ["to_image.0"]}[alpha]
    noise, label, image = torch.randn(4, 5), torch.tensor([0, 2, 1, 1]), torch.randn(4, 2, 16, 16)
    generator = Generator(spec, **SMALL, latent_dim=5)
    agree(generator, partial(stated_generator, alpha=alpha), noise, label, unused=unused, alpha=alpha)
    unused = [name.replace("to", "from") for name in unused]
    for group, size in ((None, 4), (2, 2)):
        discriminator = Discriminator(spec, **SMALL, group_size=group)
        statement = partial(stated_discriminator, alpha=alpha, group=size)
        agree(discriminator, statement, image, unused=unused, alpha=alpha)


def test_pixel_norm_treats_each_place_by_itself():
    x = torch.tensor([3.0, 4.0, 0.3, 0.4, 0.0, 0.0]).view(3, 2).T.reshape(1, 2, 3, 1).repeat(2, 1, 1, 1)
    x[1] *= 10
    expected = torch.tensor([[0.8485281, 0.8485281, 0.0], [1.1313708, 1.1313708, 0.0]]).view(1, 2, 3, 1)
    assert torch.allclose(pixel_norm(x), expected.expand(2, -1, -1, -1), atol=1e-6)


def test_stored_weights_are_normal_with_deviation_one_and_biases_are_zero():
    spec = SPEC._replace(num_classes=3)
    for network in (Generator(spec, 512, 64, latent_dim=64), Discriminator(spec, 512, 64)):
        for name, weight in network.named_parameters():
            if name.endswith("bias"):
                assert not weight.any()
            else:
                starts_as(weight, "normal", 1.0)
