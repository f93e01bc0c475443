import pytest
import torch
from torch import nn

from lightning_cgan.networks.blocks.weight_norm import Conv2d, ConvTranspose2d, Linear, initialise


def outputs(network, batch):
    seen = []
    hooks = [layer.register_forward_hook(lambda _, __, out: seen.append(out.detach())) for layer in network]
    network(batch)
    for hook in hooks:
        hook.remove()
    return seen


@pytest.mark.parametrize(
    ("layer", "shape", "axes"),
    [
        (Linear(5, 3), (4, 5), 1),
        (Conv2d(5, 3), (4, 5, 6, 6), (1, 2, 3)),
        (ConvTranspose2d(5, 3), (4, 5, 6, 6), (0, 2, 3)),
    ],
)
def test_a_weight_has_its_scale_for_a_norm_whatever_its_direction(layer, shape, axes):
    with torch.no_grad():
        layer.scale.copy_(torch.tensor([0.5, 1, 2]))
        layer.weight.mul_(7)
    norms = torch.linalg.vector_norm(layer.normalised, dim=axes)
    assert torch.allclose(norms, torch.tensor([0.5, 1, 2]), atol=1e-4)
    assert layer(torch.randn(shape)).shape[:2] == (4, 3)


def test_after_the_first_batch_outputs_have_mean_zero_and_the_spread_asked_for():
    torch.manual_seed(0)
    network = nn.Sequential(Conv2d(3, 8, stride=2), nn.Flatten(), Linear(8 * 16, 4, spread=0.1))
    batch = 5 + 3 * torch.randn(64, 3, 8, 8)
    initialise(network, batch)
    first, _, last = outputs(network, batch)
    assert torch.allclose(first.mean((0, 2, 3)), torch.zeros(8), atol=1e-5)
    assert torch.allclose(first.transpose(0, 1).flatten(1).std(1, correction=0), torch.ones(8), atol=1e-4)
    assert torch.allclose(last.mean(0), torch.zeros(4), atol=1e-5)
    assert torch.allclose(last.std(0, correction=0), torch.full((4,), 0.1), atol=1e-4)


def test_what_the_first_batch_saw_is_what_later_ones_pass_through():
    network = nn.Sequential(Conv2d(3, 4), nn.ReLU(), ConvTranspose2d(4, 2, spread=0.1))
    batch = torch.randn(8, 3, 8, 8)
    seen = []
    network[-1].register_forward_hook(lambda _, __, out: seen.append(out))
    initialise(network, batch)
    assert torch.allclose(network(batch), network(batch))
    assert seen[0].std() != pytest.approx(0.1, abs=0.01)  # raw, before this layer's scale is set
    assert network(batch).std().item() == pytest.approx(0.1, abs=0.01)


def test_a_scale_is_trained_only_where_asked():
    assert "scale" not in dict(Linear(2, 2).named_parameters())
    assert "scale" in dict(Linear(2, 2, trained_scale=True).named_parameters())


def test_layers_without_a_spread_and_other_networks_stay_as_they_are():
    network = nn.Sequential(nn.BatchNorm1d(4), Linear(4, 4, spread=None))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    initialise(network, torch.randn(9, 4))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
