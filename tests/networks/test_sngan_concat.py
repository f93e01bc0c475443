import pytest
import torch
from torch import nn

from lightning_cgan.batches import ImageSpec
from lightning_cgan.networks.sngan import WIDTHS
from lightning_cgan.networks.sngan_concat import Discriminator


def test_parameters_are_as_many_as_in_the_released_code():
    discriminator = Discriminator(ImageSpec(3, 128, 1000))
    assert sum(parameter.numel() for parameter in discriminator.parameters()) == 30_538_625


@pytest.mark.parametrize(("size", "blocks", "edge"), [(16, 2, 4), (32, 2, 8), (64, 3, 8), (128, 3, 16), (256, 4, 16)])
def test_the_label_joins_after_half_of_the_blocks(size, blocks, edge):
    discriminator = Discriminator(ImageSpec(3, size, 10), width=4, embedding_dim=6)
    seen = []
    discriminator.after.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    discriminator(torch.randn(2, 3, size, size), torch.tensor([3, 4]))
    assert len(discriminator.before) == blocks
    assert seen[0].shape[2:] == (edge, edge)
    condition = seen[0][:, -6:]
    assert torch.equal(condition, condition[:, :, :1, :1].expand_as(condition))
    assert not torch.equal(condition[0], condition[1])


@pytest.mark.parametrize("size", WIDTHS)
def test_every_size_has_the_right_shapes_and_finite_gradients(size):
    discriminator = Discriminator(ImageSpec(channels=2, size=size, num_classes=3), width=4)
    logits = discriminator(torch.randn(2, 2, size, size), torch.tensor([0, 2]))
    assert logits.shape == (2,)
    logits.sum().backward()
    for name, parameter in discriminator.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_the_label_changes_the_logit():
    discriminator = Discriminator(ImageSpec(1, 16, 2), width=4)
    logits = discriminator(torch.randn(1, 1, 16, 16).expand(2, -1, -1, -1), torch.tensor([0, 1]))
    assert logits[0] != logits[1]


def test_every_weight_has_spectral_norm_one():
    torch.manual_seed(0)
    discriminator = Discriminator(ImageSpec(1, 16, 10), width=4, embedding_dim=8)
    image, label = torch.randn(4, 1, 16, 16), torch.arange(4)
    for _ in range(50):
        discriminator(image, label)
    layers = [m for m in discriminator.modules() if isinstance(m, nn.Conv2d | nn.Linear | nn.Embedding)]
    assert len(layers) == 13
    for layer in layers:
        assert torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2).item() == pytest.approx(1, abs=0.02)


def test_one_call_takes_one_power_iteration():
    discriminator = Discriminator(ImageSpec(1, 16, 10), width=4)
    weight = discriminator.embedding.parametrizations.weight
    u = torch.nn.functional.normalize(weight.original @ weight[0]._v, dim=0)
    discriminator(torch.randn(1, 1, 16, 16), torch.tensor([0]))
    assert torch.allclose(weight[0]._u, u, atol=1e-6)


def test_data_without_classes_is_refused():
    with pytest.raises(ValueError, match=r"needs labelled images.*Set data"):
        Discriminator(ImageSpec(3, 32))
