from functools import partial
from itertools import pairwise

import pytest
import torch
from torch.nn import functional as F

from lightning_cgan.batches import ImageSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks import gans_in_action, sgan
from tests.networks.statement import agree, starts_as

MNIST, COLOUR, SMALL = ImageSpec(1, 28, 10), ImageSpec(3, 32, 10), ImageSpec(1, 8, 10)
PAIRS = [
    (sgan.MLPGenerator, sgan.MLPClassifier, MNIST),
    (sgan.ConvGenerator, sgan.ConvClassifier, COLOUR),
    (sgan.SmallGenerator, sgan.SmallClassifier, SMALL),
    (gans_in_action.Generator, gans_in_action.Classifier, MNIST),
]


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_paper_sized_networks_have_the_authors_codes_parameters():
    dense = [784, 1000, 500, 250, 250, 250, 10]
    weights = sum(a * b for a, b in pairwise(dense))
    assert parameters(sgan.MLPClassifier(MNIST)) == weights + sum(dense[1:]) + 10  # the last layer's scale
    # no gain in the norms, and a bias and a scale for each pixel
    assert parameters(sgan.MLPGenerator(MNIST)) == 100 * 500 + 500 * 500 + 2 * 500 + 500 * 784 + 2 * 784

    def classifier(width):
        convolutions = [(3, width), (width, width), (width, width), (width, 2 * width)] + 3 * [(2 * width, 2 * width)]
        kernels = 9 * sum(a * b for a, b in convolutions) + 2 * (2 * width) ** 2
        return kernels + 3 * width + 6 * 2 * width + 2 * width * 10 + 20

    assert parameters(sgan.ConvClassifier(COLOUR)) == classifier(96)
    assert parameters(sgan.ConvClassifier(COLOUR, width=64)) == classifier(64)
    start = 100 * 8192 + 8192
    assert parameters(sgan.ConvGenerator(COLOUR)) == start + 25 * (512 * 256 + 256 * 128 + 128 * 3) + 256 + 128 + 6


def test_the_books_networks_have_the_trainable_parameters_that_keras_counts():
    assert parameters(gans_in_action.Generator(MNIST)) == 1_266_944 + 295_040 + 256 + 73_792 + 128 + 577
    assert parameters(gans_in_action.Classifier(MNIST)) == 320 + 18_496 + 128 + 73_856 + 256 + 20_490


@pytest.mark.parametrize(
    ("network", "spec", "rule"),
    [
        (sgan.ConvGenerator, ImageSpec(3, 28, 10), "multiples of 8, from 16 on; this data set has 28"),
        (sgan.ConvClassifier, ImageSpec(3, 8, 10), "multiples of 8, from 16 on; this data set has 8"),
        (sgan.SmallClassifier, ImageSpec(1, 10, 10), "multiples of 4, from 8 on; this data set has 10"),
        (gans_in_action.Generator, ImageSpec(1, 30, 10), "multiples of 4, from 8 on; this data set has 30"),
    ],
)
def test_impossible_sizes_are_refused(network, spec, rule):
    with pytest.raises(UserError, match=rule):
        network(spec)


lrelu = partial(F.leaky_relu, negative_slope=0.2)


def weight_normed(net, name, outputs=0):
    """Direction over its norm, times the scale of each output; ``outputs`` is the axis that counts them."""
    weight, scale = net(f"{name}.weight").transpose(0, outputs), net(f"{name}.scale")
    return (
        (weight / (weight.flatten(1).square().sum(1) + 1e-6).sqrt().view(-1, *[1] * (weight.ndim - 1)))
        .mul(scale.view(-1, *[1] * (weight.ndim - 1)))
        .transpose(0, outputs)
    )


def normed_linear(net, name, x):
    return net.linear(name, x, weight=weight_normed(net, name))


def normed_conv(net, name, x, **options):
    return lrelu(net.conv(name, x, weight=weight_normed(net, name), **options))


def test_the_mlps_layers_are_those_of_the_authors_code():
    def generator(net, noise):
        x = torch.special.ndtr(noise)
        for number in (0, 1):
            x = F.softplus(net.batch_norm(f"norms.{number}", net.linear(f"layers.{number}", x, bias=False), eps=1e-6))
        return 2 * normed_linear(net, "to_image", x).sigmoid().view(-1, 2, 4, 4) - 1

    def classifier(net, image):
        x = net.noisy((image / 2 + 0.5).flatten(1), 0.3)
        for place in (2, 5, 8, 11, 14):
            x = features = normed_linear(net, f"trunk.{place}", x).relu()
            x = net.noisy(x, 0.5)
        return features, normed_linear(net, "head", x)

    spec = ImageSpec(2, 4, 3)
    agree(sgan.MLPGenerator(spec, 6, latent_dim=5), generator, torch.randn(4, 5))
    agree(sgan.MLPClassifier(spec, (8, 7, 6, 5, 4)), classifier, torch.rand(4, 2, 4, 4))


def test_the_convolutional_networks_layers_are_those_of_the_authors_code():
    doubled = {"stride": 2, "padding": 2, "output_padding": 1}

    def generator(net, noise):
        x = net.linear("start", torch.special.ndtr(noise), bias=False)
        x = net.batch_norm("norm", x, eps=1e-6).relu().view(len(x), -1, 2, 2)
        for number in (0, 1):
            x = net.transposed(f"doublings.{number}", x, bias=False, **doubled)
            x = net.batch_norm(f"norms.{number}", x, eps=1e-6).relu()
        return net.transposed("to_image", x, weight=weight_normed(net, "to_image", outputs=1), **doubled).tanh()

    def classifier(net, image):
        x = net.dropout(image, 0.2)
        for first, half in ((1, 7), (8, 14)):
            for place in (first, first + 2, first + 4):
                x = normed_conv(net, f"trunk.{place}", x, padding=1, stride=1 + (place == half - 2))
            x = net.dropout(x, 0.5)
        x = normed_conv(net, "trunk.15", x)
        features = normed_conv(net, "trunk.19", normed_conv(net, "trunk.17", x)).mean((2, 3))
        return features, normed_linear(net, "head", features)

    spec = ImageSpec(2, 16, 3)
    agree(sgan.ConvGenerator(spec, 2, latent_dim=5), generator, torch.randn(4, 5))
    agree(sgan.ConvClassifier(spec, 2), classifier, torch.rand(4, 2, 16, 16))


def test_the_small_networks_layers():
    def generator(net, noise):
        x = net.batch_norm("norm1", net.linear("start", noise).view(-1, 4, 4, 4)).relu()
        x = net.conv("doubling.1", x.repeat_interleave(2, 2).repeat_interleave(2, 3), padding=1)
        return net.conv("to_image", net.batch_norm("norm2", x).relu(), padding=1).tanh()

    def classifier(net, image):
        x = net.noisy(image, 0.3)
        x = normed_conv(net, "trunk.3", normed_conv(net, "trunk.1", x, padding=1), padding=1, stride=2)
        x = normed_conv(net, "trunk.6", net.dropout(x, 0.25), padding=1)
        x = normed_conv(net, "trunk.8", x, padding=1, stride=2)
        features = lrelu(normed_linear(net, "trunk.12", net.dropout(x, 0.5).flatten(1)))
        return features, normed_linear(net, "head", features)

    spec = ImageSpec(2, 8, 3)
    agree(sgan.SmallGenerator(spec, 2, latent_dim=5), generator, torch.randn(4, 5))
    agree(sgan.SmallClassifier(spec, 2), classifier, torch.rand(4, 2, 8, 8))


def test_the_books_layers():
    doubled = {"stride": 2, "padding": 1, "output_padding": 1}
    keras = {"eps": 1e-3, "momentum": 0.01}

    def generator(net, noise):
        x = net.transposed("layers.2", net.linear("layers.0", noise).view(-1, 256, 2, 2), **doubled)
        x = F.leaky_relu(net.batch_norm("layers.3", x, **keras), 0.01)
        x = net.batch_norm("layers.6", net.transposed("layers.5", x, padding=1), **keras)
        return net.transposed("layers.8", F.leaky_relu(x, 0.01), **doubled).tanh()

    def classifier(net, image):
        halved = {"stride": 2, "padding": 1}
        x = F.leaky_relu(net.conv("trunk.0", image, **halved), 0.01)
        x = F.leaky_relu(net.batch_norm("trunk.3", net.conv("trunk.2", x, **halved), **keras), 0.01)
        x = F.leaky_relu(net.batch_norm("trunk.6", net.conv("trunk.5", x, **halved), **keras), 0.01)
        features = net.dropout(x, 0.5).flatten(1)
        return features, net.linear("head", features)

    spec = ImageSpec(2, 8, 3)
    agree(gans_in_action.Generator(spec, latent_dim=5), generator, torch.randn(2, 5))
    agree(gans_in_action.Classifier(spec), classifier, torch.rand(2, 2, 8, 8))


def test_weights_start_as_in_the_authors_code_and_as_keras_starts_them():
    torch.manual_seed(0)
    start = {
        name: dict(network.named_parameters())
        for name, network in {
            "mlp": sgan.MLPGenerator(MNIST),
            "mlp_classifier": sgan.MLPClassifier(MNIST),
            "conv": sgan.ConvGenerator(COLOUR, 32),
            "conv_classifier": sgan.ConvClassifier(COLOUR, 32),
            "book": gans_in_action.Generator(MNIST),
            "book_classifier": gans_in_action.Classifier(MNIST),
        }.items()
    }
    for weights in start.values():
        assert not any(weight.any() for name, weight in weights.items() if name.endswith("bias"))
    for name in ("layers.0.weight", "layers.1.weight", "to_image.weight"):
        starts_as(start["mlp"][name], "uniform", (6 / sum(start["mlp"][name].shape)) ** 0.5)
    matrices = {part: {name: w for name, w in start[part].items() if w.ndim > 1} for part in start}
    for part, std in (("mlp_classifier", 0.1), ("conv", 0.05), ("conv_classifier", 0.05)):
        for weight in matrices[part].values():
            starts_as(weight, "normal", std)
    for weight in [*matrices["book"].values(), *matrices["book_classifier"].values()]:
        fans = weight[0, 0].numel() * (weight.shape[0] + weight.shape[1])
        starts_as(weight, "uniform", (6 / fans) ** 0.5)
    scales = [w for part in start.values() for name, w in part.items() if name.endswith("scale")]
    assert len(scales) == 4
    assert all((scale == 1).all() for scale in scales)


def test_spreads_after_the_first_batch_are_those_of_the_authors_code():
    """1 for hidden layers and the MLP's logits, 0.1 for the outputs of the convolutional networks; the MLP's generator
    keeps its scale."""
    conv = sgan.ConvClassifier(COLOUR, 2)
    assert (sgan.MLPGenerator(MNIST).to_image.spread, sgan.ConvGenerator(COLOUR, 2).to_image.spread) == (None, 0.1)
    assert (sgan.MLPClassifier(MNIST).head.spread, conv.head.spread, conv.trunk[1].spread) == (1.0, 0.1, 1.0)
