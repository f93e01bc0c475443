from itertools import pairwise

import pytest
import torch

from lightning_cgan.batches import ImageSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks import gans_in_action, sgan

MNIST, COLOUR, SMALL = ImageSpec(1, 28, 10), ImageSpec(3, 32, 10), ImageSpec(1, 8, 10)
PAIRS = [
    (sgan.MLPGenerator, sgan.MLPClassifier, MNIST),
    (sgan.ConvGenerator, sgan.ConvClassifier, COLOUR),
    (sgan.SmallGenerator, sgan.SmallClassifier, SMALL),
    (gans_in_action.Generator, gans_in_action.Classifier, MNIST),
]


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(("generator", "classifier", "spec"), PAIRS)
def test_images_and_judgements_have_their_shapes_and_every_parameter_a_gradient(generator, classifier, spec):
    torch.manual_seed(0)
    generator, classifier = generator(spec), classifier(spec)
    image = generator(torch.randn(6, generator.latent_dim))
    assert image.shape == (6, spec.channels, spec.size, spec.size)
    assert image.abs().max() <= 1
    judged = classifier(image)
    assert judged.logits.shape == (6, 10)
    assert judged.features.shape[0] == 6
    (judged.logits.logsumexp(1).mean() + judged.logits[:, 0].mean()).backward()
    for network in (generator, classifier):
        assert all(parameter.grad.isfinite().all() for parameter in network.parameters())
        assert all(parameter.grad.any() for parameter in network.parameters())


@pytest.mark.parametrize(("generator", "classifier", "spec"), PAIRS)
def test_noise_and_dropout_act_in_training_and_not_in_evaluation(generator, classifier, spec):
    network, image = classifier(spec), torch.rand(4, spec.channels, spec.size, spec.size)
    assert not torch.equal(network(image).logits, network(image).logits)
    network.eval()
    assert torch.equal(network(image).logits, network(image).logits)


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


def test_the_features_of_the_mlp_are_its_last_hidden_layer():
    assert sgan.MLPClassifier(MNIST)(torch.zeros(2, 1, 28, 28)).features.shape == (2, 250)
    assert sgan.ConvClassifier(COLOUR)(torch.zeros(2, 3, 32, 32)).features.shape == (2, 192)


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
