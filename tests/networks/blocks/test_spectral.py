import torch
from torch import nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import spectral_norm

from lightning_cgan.networks.blocks.spectral import normalise


def test_each_layer_takes_one_power_iteration_in_single_precision_under_autocast():
    torch.manual_seed(0)
    network = nn.Sequential(spectral_norm(nn.Linear(6, 5)), nn.ReLU(), spectral_norm(nn.Linear(5, 4)))
    expected = []
    for layer in (network[0], network[2]):
        weight = layer.parametrizations.weight
        u = nn.functional.normalize(weight.original @ weight[0]._v, dim=0)
        expected.append((u, nn.functional.normalize(weight.original.T @ u, dim=0)))
    with torch.autocast("cpu", dtype=torch.bfloat16), parametrize.cached():
        normalise(network, "cpu")
        network(torch.randn(3, 6))
    for layer, (u, v) in zip((network[0], network[2]), expected, strict=True):
        state = layer.parametrizations.weight[0]
        assert torch.allclose(state._u, u, atol=1e-6)
        assert torch.allclose(state._v, v, atol=1e-6)
