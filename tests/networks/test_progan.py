import pytest
import torch
from torch import nn
from torch.nn.functional import avg_pool2d, interpolate

from lightning_cgan.batches import ImageSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks.progan import Discriminator, Generator, conv, minibatch_std, pixel_norm, resolutions

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


@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("alpha", [1.0, 0.3])
@pytest.mark.parametrize("resolution", [4, 8, 16])
def test_every_resolution_has_the_right_shapes_and_finite_gradients(resolution, alpha, classes):
    spec = SPEC._replace(num_classes=classes)
    generator, discriminator = Generator(spec, **SMALL, latent_dim=5), Discriminator(spec, **SMALL)
    image = generator(torch.randn(4, 5), torch.tensor([0, 2, 1, 1]), resolution, alpha)
    score, classified = discriminator(image, alpha)
    assert image.shape == (4, 2, resolution, resolution)
    assert score.shape == (4,)
    assert classified.shape == (4, classes)
    (score.sum() + classified.square().sum()).backward()
    gradients = {name: p.grad for network in (generator, discriminator) for name, p in network.named_parameters()}
    used = {name for name, gradient in gradients.items() if gradient is not None}
    assert all(gradients[name].isfinite().all() for name in used)
    level = (4, 8, 16).index(resolution)
    heads = {level, level - 1} if alpha < 1 and level else {level}
    assert {int(name.split(".")[1]) for name in used if name.startswith("from_image")} == heads
    assert {int(name.split(".")[1]) for name in used if name.startswith("to_image")} == heads


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


def test_stored_weights_have_deviation_one_and_used_ones_he_s():
    torch.manual_seed(0)
    layer = conv(64, 64)
    assert layer.parametrizations.weight.original.std().item() == pytest.approx(1, rel=0.02)
    assert layer.weight.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.02)
    assert not layer.bias.any()


def test_the_first_layer_is_dense():
    start = Generator(SPEC, **SMALL, latent_dim=6).blocks[0].dense
    latent = torch.randn(2, 6)
    flat = latent @ start.parametrizations.weight.original.flatten(1) * (2**0.5 / 4 / 6**0.5)
    assert torch.allclose(start(latent[:, :, None, None]).flatten(1), flat, atol=1e-5)
