"""Networks of one weight, whose losses can be written down, and laws that papers of a kind share."""

import pytest
import torch

from lightning_cgan.batches import EvalBatch, LatentBatch


class Flat(torch.nn.Module):
    """A generator of images of one brightness, by default black. Notes the labels that it is asked for."""

    latent_dim = 2

    def __init__(self, spec, brightness=-1.0):
        super().__init__()
        self.weight, self.asked = torch.nn.Parameter(torch.tensor(brightness)), []
        self.shape = spec.channels, spec.size, spec.size

    def forward(self, noise, label=None):
        self.asked.append(label)
        return self.weight * torch.ones(len(noise), *self.shape)


class Brightness(torch.nn.Module):
    """A discriminator whose output is twice the mean of the image. Notes the labels that it is given."""

    def __init__(self, spec):
        super().__init__()
        self.weight, self.told = torch.nn.Parameter(torch.tensor(2.0)), []

    def forward(self, image, label=None):
        self.told.append(label)
        return self.weight * image.mean((1, 2, 3))


def check_evaluation_by_index(gan):
    """The image of a noise id does not depend on the batch; ``gan`` is class-conditional, for 16x16 grey images."""
    gan.eval()
    label, index = torch.arange(6), torch.arange(6)
    whole = gan.validation_step(EvalBatch(torch.zeros(2, 1, 16, 16), label[:2], LatentBatch(label, index)), 0)
    part = gan.validation_step(EvalBatch(torch.zeros(0, 1, 16, 16), label[:0], LatentBatch(label[4:], index[4:])), 0)
    assert torch.allclose(whole.fake[4:], part.fake, atol=1e-6)
    assert part.fake_label.tolist() == [4, 5]
    assert len(whole.real) == 2


def check_samples(gan):
    """Samples are a function of label and seed; ``gan`` is class-conditional, for 16x16 grey images of 10 classes."""
    gan.eval()
    images = gan.sample(3, label=7, seed=5)
    assert images.shape == (3, 1, 16, 16)
    assert not images.requires_grad
    assert torch.equal(images, gan.sample(3, label=[7, 7, 7], seed=5))
    assert not torch.equal(images, gan.sample(3, label=8, seed=5))
    assert not torch.equal(images, gan.sample(3, label=7, seed=6))
    with pytest.raises(ValueError, match="got"):
        gan.sample(3, label=10)


def check_no_gradient_to_the_generator(gan):
    """The discriminator's loss moves the discriminator alone; ``gan`` is class-conditional, for 16x16 grey images."""
    gan.discriminator_loss(torch.randn(4, 1, 16, 16), torch.arange(4))[0].backward()
    assert all(parameter.grad is None for parameter in gan.generator.parameters())
    assert all(parameter.grad.any() for parameter in gan.discriminator.parameters() if parameter.ndim > 1)
