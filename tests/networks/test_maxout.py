import pytest
import torch

from lightning_cgan.batches import ImageSpec
from lightning_cgan.networks import mlp
from lightning_cgan.networks.maxout import (
    ConditionalDiscriminator,
    ConditionalGenerator,
    Discriminator,
    Generator,
    Maxout,
    uniform,
)

MNIST = ImageSpec(1, 28, 10)


def test_a_unit_is_the_largest_of_its_pieces():
    layer = Maxout(1, units=1, pieces=2)
    layer.linear.weight.data = torch.tensor([[1.0], [-1.0]])
    assert layer(torch.tensor([[3.0], [-2.0]])).tolist() == [[3.0], [2.0]]


def test_uniform_noise_fills_its_interval_with_unit_variance():
    noise = uniform(torch.randn(100_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    assert noise.std().item() == pytest.approx(1, abs=0.01)
    assert noise.abs().max() <= 3**0.5
    shares = torch.histc(noise, bins=10, min=-(3**0.5), max=3**0.5) / len(noise)
    assert shares.sub(0.1).abs().max() < 0.005


def test_layers_have_the_widths_of_the_papers():
    shapes = [tuple(p.shape) for p in Generator(MNIST).parameters() if p.ndim == 2]
    assert shapes == [(1200, 100), (1200, 1200), (784, 1200)]
    shapes = [tuple(p.shape) for p in Discriminator(MNIST).parameters() if p.ndim == 2]
    assert shapes == [(1200, 784), (1200, 240), (1, 240)]
    shapes = [tuple(p.shape) for p in ConditionalGenerator(MNIST).parameters() if p.ndim == 2]
    assert shapes == [(200, 100), (1000, 10), (1200, 1200), (784, 1200)]
    shapes = [tuple(p.shape) for p in ConditionalDiscriminator(MNIST).parameters() if p.ndim == 2]
    assert shapes == [(1200, 784), (250, 10), (960, 290), (1, 240)]


@pytest.mark.parametrize(
    ("generator", "discriminator"),
    [(ConditionalGenerator, ConditionalDiscriminator), (mlp.Generator, mlp.Discriminator)],
)
def test_conditional_networks_have_shapes_and_gradients_and_see_the_label(generator, discriminator):
    torch.manual_seed(0)
    spec = ImageSpec(2, 4, 3)
    g, d = generator(spec), discriminator(spec)
    noise, label = torch.randn(5, g.latent_dim), torch.tensor([0, 1, 2, 0, 1])
    image = g(noise, label)
    logits = d(image, label)
    assert image.shape == (5, 2, 4, 4)
    assert logits.shape == (5,)
    logits.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in [*g.parameters(), *d.parameters()])
    g, d, other = g.eval(), d.eval(), torch.tensor([1, 2, 0, 1, 2])
    assert not torch.equal(g(noise, label), g(noise, other))
    assert not torch.equal(d(image, label), d(image, other))


def test_unconditional_networks_have_shapes_and_gradients():
    for g, d in [
        (Generator(MNIST), Discriminator(MNIST)),
        (mlp.Generator(ImageSpec(2, 1)), mlp.Discriminator(ImageSpec(2, 1))),
    ]:
        image = g(torch.randn(5, g.latent_dim))
        assert d(image).shape == (5,)
        d(image).sum().backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in [*g.parameters(), *d.parameters()])


def test_images_stay_in_range():
    assert Generator(MNIST)(1e3 * torch.randn(4, 100)).abs().max() <= 1
