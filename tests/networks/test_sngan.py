from functools import partial

import pytest
import torch
from torch import nn
from torch.nn.functional import avg_pool2d
from torch.nn.utils.parametrizations import spectral_norm

from lightning_cgan.batches import ImageSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks.sngan import (
    WIDTHS,
    ConditionalBatchNorm,
    Discriminator,
    Generator,
    projection_logit,
)
from tests.networks.statement import agree, starts_as


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("spec", "count"),
    [
        ((3, 32, 0), 4_276_739),
        ((3, 32, 10), 4_304_387),
        ((3, 64, 1000), 17_974_915),
        ((3, 128, 0), 32_150_787),
        ((3, 128, 1000), 41_996_931),
    ],
)
def test_generators_have_as_many_parameters_as_in_the_released_code(spec, count):
    with torch.device("meta"):
        assert parameters(Generator(ImageSpec(*spec))) == count


@pytest.mark.parametrize(
    ("spec", "count"), [((3, 32, 0), 1_053_824), ((3, 32, 100), 1_066_624), ((3, 128, 1000), 30_041_857)]
)
def test_discriminators_have_as_many_parameters_as_in_the_released_code(spec, count):
    assert parameters(Discriminator(ImageSpec(*spec))) == count


def double(x):
    return x.repeat_interleave(2, 2).repeat_interleave(2, 3)


def conditional_norm(net, name, x, label):
    """Miyato & Koyama: batch norm without affine, then the gain and the bias of the class."""
    if label is None:
        return net.batch_norm(f"{name}.norm", x, eps=2e-5)
    gain, bias = (net(f"{name}.{part}.weight")[label][:, :, None, None] for part in ("gain", "bias"))
    return net.batch_norm(f"{name}.norm", x, eps=2e-5, affine=False) * gain + bias


def stated_generator(net, noise, label=None):
    x = net.linear("start", noise).view(len(noise), -1, 4, 4)
    for block in sorted({name.split(".")[1] for name in net.held if name.startswith("blocks")}):
        name = f"blocks.{block}"
        h = net.conv(f"{name}.conv1", double(conditional_norm(net, f"{name}.norm1", x, label).relu()), padding=1)
        h = net.conv(f"{name}.conv2", conditional_norm(net, f"{name}.norm2", h, label).relu(), padding=1)
        x = h + net.conv(f"{name}.skip", double(x))
    return net.conv("to_image", net.batch_norm("norm", x, eps=2e-5).relu(), padding=1).tanh()


def stated_block(net, name, x, halving, first=False, spectral=True):
    """A discriminator block; the first does not rectify the image."""

    def conv(part, x, **padding):
        weight = net.spectral(f"{name}.{part}") if spectral else None
        return net.conv(f"{name}.{part}", x, weight=weight, **padding)

    h = conv("conv1", x if first else x.relu(), padding=1)
    h = conv("conv2", h.relu(), padding=1)
    learned = halving or h.shape[1] != x.shape[1]
    x = conv("skip", x) if learned else x
    return avg_pool2d(h + x, 2) if halving else h + x


def stated_discriminator(net, image, label=None, halvings=1, keeping=0, head_bias=True):
    x = image
    for index in range(halvings + keeping):
        x = stated_block(net, f"blocks.{index}", x, halving=index < halvings, first=index == 0)
    features = x.relu().sum((2, 3))
    logit = net.linear("score", features, bias=head_bias, weight=net.spectral("score"))[:, 0]
    if label is None:
        return logit
    return logit + (net.spectral("embedding")[label] * features).sum(1)


@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize(
    ("size", "halvings", "keeping", "head_bias"),
    [(16, 2, 2, False), (64, 5, 0, True), (128, 5, 1, True), (256, 6, 1, True)],
)
def test_layers_are_those_of_the_paper(size, halvings, keeping, head_bias, classes):
    spec, label = ImageSpec(2, size, classes), [torch.tensor([0, 2])] if classes else []
    if size <= 64:
        agree(Generator(spec, width=2, latent_dim=5), stated_generator, torch.randn(2, 5), *label)
    statement = partial(stated_discriminator, halvings=halvings, keeping=keeping, head_bias=head_bias)
    agree(Discriminator(spec, width=1), statement, torch.randn(2, 2, size, size), *label)


@pytest.mark.parametrize(
    ("size", "generator", "discriminator"),
    [
        (16, [256] * 3, [128] * 4),
        (32, [256] * 4, [128] * 4),
        (64, [1024, 512, 256, 128, 64], [64, 128, 256, 512, 1024]),
        (128, [1024, 1024, 512, 256, 128, 64], [64, 128, 256, 512, 1024, 1024]),
        (256, [512, 512, 256, 256, 128, 64, 32], [32, 64, 128, 256, 256, 512, 512]),
    ],
)
def test_widths_are_the_papers(size, generator, discriminator):
    table = WIDTHS[size]
    assert [unit * table.width[0] for unit in table.generator] == generator
    assert [unit * table.width[1] for unit in table.halving + table.keeping] == discriminator


def test_weights_start_as_chainer_starts_them():
    """Glorot-uniform; gain sqrt 2 for the two 3x3 convolutions of a block, 1 for all other layers. Biases are 0."""
    torch.manual_seed(0)
    generator, discriminator = Generator(ImageSpec(3, 32, 10), width=32), Discriminator(ImageSpec(3, 32, 10), width=32)
    for network in (generator, discriminator):
        for name, weight in network.named_parameters():
            if name.endswith("bias"):
                assert not weight.any(), name
            elif weight.ndim > 1 and "gain" not in name and "norm" not in name:
                fans = weight[0, 0].numel() * (weight.shape[0] + weight.shape[1])
                gain = 2 if "conv1" in name or "conv2" in name else 1
                starts_as(weight, "uniform", (6 * gain / fans) ** 0.5)
    assert all((table == 1).all() for name, table in generator.named_parameters() if name.endswith("gain.weight"))
    assert all(not table.any() for name, table in generator.named_parameters() if name.endswith("bias.weight"))


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
