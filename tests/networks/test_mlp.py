import torch
from torch.nn import functional as F

from lightning_cgan.batches import ImageSpec
from lightning_cgan.networks.mlp import Discriminator, Generator
from tests.networks.statement import agree, starts_as


def stated(net, x, label):
    """Two hidden layers."""
    x = x.flatten(1) if label is None else torch.cat([x.flatten(1), F.one_hot(label, 3)], 1)
    x = F.leaky_relu(net.linear("layers.0", x), 0.2)
    return net.linear("layers.4", F.leaky_relu(net.linear("layers.2", x), 0.2))


def test_layers_are_linear_and_leaky():
    noise, image, label = torch.randn(4, 5), torch.randn(4, 2, 3, 3), torch.tensor([0, 2, 1, 1])
    for classes, given in ((0, []), (3, [label])):
        spec = ImageSpec(2, 3, classes)
        generator, discriminator = Generator(spec, 6, 2, latent_dim=5), Discriminator(spec, 6, 2)
        agree(generator, lambda net, x, y=None: stated(net, x, y).view(-1, 2, 3, 3), noise, *given)
        agree(discriminator, lambda net, x, y=None: stated(net, x, y)[:, 0], image, *given)


def test_points_pass_three_hidden_layers_of_64():
    layers = [layer for layer in Generator(ImageSpec(2, 1)).layers if isinstance(layer, torch.nn.Linear)]
    assert [layer.out_features for layer in layers] == [64, 64, 64, 2]


def test_weights_start_as_he_says_and_the_last_at_half():
    torch.manual_seed(0)
    layers = [layer for layer in Generator(ImageSpec(9, 4), 128).layers if isinstance(layer, torch.nn.Linear)]
    for layer in layers:
        he = (2 / (1 + 0.2**2) / layer.in_features) ** 0.5
        starts_as(layer.weight, "normal", he / 2 if layer is layers[-1] else he)
        assert not layer.bias.any()
