import pytest
import torch
from torch import nn
from torch.nn.functional import avg_pool2d, interpolate
from torch.nn.utils.parametrizations import spectral_norm

from lightning_cgan.batches import ImageSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks.sngan import (
    WIDTHS,
    ConditionalBatchNorm,
    Discriminator,
    DownBlock,
    Generator,
    UpBlock,
    projection_logit,
)


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("spec", "generator", "discriminator"),
    [
        ((3, 32, 0), 4_276_739, 1_053_824),
        ((3, 32, 10), 4_304_387, 1_055_104),
        ((3, 32, 100), 4_580_867, 1_066_624),
        ((3, 64, 0), 12_220_675, 10_141_441),
        ((3, 64, 143), 13_038_595, 10_287_873),
        ((3, 64, 1000), 17_974_915, 11_165_441),
        ((3, 128, 0), 32_150_787, 29_017_857),
        ((3, 128, 1000), 41_996_931, 30_041_857),
    ],
)
def test_parameters_are_as_many_as_in_the_released_code(spec, generator, discriminator):
    with torch.device("meta"):
        assert parameters(Generator(ImageSpec(*spec))) == generator
    assert parameters(Discriminator(ImageSpec(*spec))) == discriminator


@pytest.mark.parametrize("size", WIDTHS)
@pytest.mark.parametrize("classes", [0, 3])
def test_every_size_has_the_right_shapes_and_finite_gradients(size, classes):
    spec = ImageSpec(channels=2, size=size, num_classes=classes)
    generator, discriminator = Generator(spec, width=4, latent_dim=5), Discriminator(spec, width=4)
    label = torch.tensor([0, 2]) if classes else None
    image = generator(torch.randn(2, 5), label)
    logits = discriminator(image, label)
    assert image.shape == (2, 2, size, size)
    assert image.abs().max() <= 1
    assert logits.shape == (2,)
    logits.sum().backward()
    for name, parameter in [*generator.named_parameters(), *discriminator.named_parameters()]:
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize("size", [8, 20, 512])
def test_a_size_without_networks_is_refused(size):
    for network in (Generator, Discriminator):
        with pytest.raises(UserError, match=rf"16, 32, 64, 128, 256.*has {size}.*Set data.init_args.size"):
            network(ImageSpec(3, size, 10))


def test_projection_gives_the_published_test_vector():
    features = torch.tensor([[1, 0.5, -1], [0, 2, 1]], dtype=torch.float64)
    score = features @ torch.tensor([[0.2], [-0.1], [0.05]], dtype=torch.float64) + 0.01
    rows = torch.tensor([[0.1, 0.2, 0.3], [-0.5, 0.4, 0]], dtype=torch.float64)
    logit = projection_logit(features, score, rows[torch.tensor([1, 0])])
    assert logit.tolist() == pytest.approx([-0.19, 0.56], abs=1e-9)


def test_the_label_changes_the_image_and_the_logit():
    spec = ImageSpec(1, 16, 2)
    generator, discriminator = Generator(spec, width=4), Discriminator(spec, width=4)
    torch.nn.init.normal_(generator.blocks[0].norm1.bias.weight)
    noise = torch.randn(1, 128).expand(2, -1)
    image = generator.eval()(noise, torch.tensor([0, 1]))
    assert not torch.equal(image[0], image[1])
    logits = discriminator(image[:1].expand(2, -1, -1, -1), torch.tensor([0, 1]))
    assert logits[0] != logits[1]


def test_features_are_summed_over_places():
    discriminator = Discriminator(ImageSpec(1, 16), width=4).eval()
    seen = []
    discriminator.score.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    image = torch.randn(3, 1, 16, 16)
    discriminator(image)
    assert torch.allclose(seen[0], discriminator.blocks(image).relu().sum((2, 3)))


def test_every_weight_of_the_discriminator_has_spectral_norm_one():
    torch.manual_seed(0)
    discriminator = Discriminator(ImageSpec(3, 32, 10), width=8)
    image, label = torch.randn(4, 3, 32, 32), torch.randint(10, (4,))
    for _ in range(50):
        discriminator(image, label)
    layers = [m for m in discriminator.modules() if isinstance(m, nn.Conv2d | nn.Linear | nn.Embedding)]
    assert len(layers) == 12
    for layer in layers:
        assert torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2).item() == pytest.approx(1, abs=0.02)


def test_one_call_takes_one_power_iteration():
    discriminator = Discriminator(ImageSpec(1, 16), width=4)
    layer = discriminator.blocks[0].conv1.parametrizations.weight
    v = layer[0]._v.clone()
    u = torch.nn.functional.normalize(layer.original.flatten(1) @ v, dim=0)
    discriminator(torch.randn(1, 1, 16, 16))
    assert torch.allclose(layer[0]._u, u, atol=1e-6)
    discriminator.eval()(torch.randn(1, 1, 16, 16))
    assert torch.allclose(layer[0]._u, u, atol=1e-6)


def test_classes_share_statistics_and_have_their_own_gain_and_bias():
    norm = ConditionalBatchNorm(2, num_classes=3)
    norm.gain.weight.data[1] = 5
    norm.bias.weight.data[1] = 7
    x = torch.randn(64, 2, 4, 4) * 3 + 1
    out = norm(x, torch.arange(64) % 2)
    plain = torch.nn.functional.batch_norm(x, None, None, training=True, eps=2e-5)
    assert torch.allclose(out[::2], plain[::2], atol=1e-5)
    assert torch.allclose(out[1::2], 5 * plain[1::2] + 7, atol=1e-4)
    assert torch.allclose(norm.norm.running_mean, 0.1 * x.mean((0, 2, 3)), atol=1e-5)


def test_a_skip_and_the_resampling_around_it_may_change_places():
    x = torch.randn(2, 3, 8, 8)
    up, down = UpBlock(3, 5, num_classes=1).skip, DownBlock(3, 5, halving=True).eval().skip
    assert torch.allclose(interpolate(up(x), scale_factor=2), up(interpolate(x, scale_factor=2)), atol=1e-6)
    assert torch.allclose(avg_pool2d(down(x), 2), down(avg_pool2d(x, 2)), atol=1e-6)


def test_weights_of_the_classes_mix_their_gains_and_biases_and_a_single_class_is_itself():
    norm = ConditionalBatchNorm(2, num_classes=3).eval()
    norm.gain.weight.data.normal_()
    norm.bias.weight.data.normal_()
    x = torch.randn(4, 2, 3, 3)
    one_hot = torch.eye(3)[[2, 0, 1, 2]]
    assert torch.equal(norm(x, one_hot), norm(x, torch.tensor([2, 0, 1, 2])))
    halves = torch.tensor([[0.5, 0.0, 0.5]] * 4)
    ends = [norm(x, torch.full((4,), label)) for label in (0, 2)]
    assert torch.allclose(norm(x, halves), sum(ends) / 2, atol=1e-6)


def test_one_power_iteration_has_the_value_of_the_test_vector():
    """torch renews u, then v; the vector's sigma is between the two."""
    weight = torch.tensor([[1.0, 2.0], [3.0, -1.0], [0.5, 0.5]], dtype=torch.float64)
    layer = spectral_norm(nn.Linear(2, 3, bias=False, dtype=torch.float64))
    layer.parametrizations.weight.original.data = weight.clone()
    state = layer.parametrizations.weight[0]
    state._v.copy_(torch.nn.functional.normalize(weight[0], dim=0))  # of W^T u with u = (1, 0, 0)
    before = state._v.clone()
    _ = layer.weight
    assert (state._u @ weight @ before).item() == pytest.approx(2.3769728648, abs=1e-9)
    for _ in range(100):
        _ = layer.weight
    assert (state._u @ weight @ state._v).item() == pytest.approx(3.2187072913, abs=1e-9)
