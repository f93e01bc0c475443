import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import spectral_norm

from lightning_cgan.batches import ImageSpec
from lightning_cgan.networks import projection_super_resolution, sngan, sngan_class_head, sngan_concat
from lightning_cgan.networks.blocks.spectral import normalise

LABELLED = ImageSpec(1, 16, 3)
IMAGE, LOW, LABEL = torch.randn(2, 1, 16, 16), torch.randn(2, 1, 4, 4), torch.tensor([0, 2])
NETWORKS = [
    (sngan.Discriminator(LABELLED, 2), (IMAGE, LABEL)),
    (sngan_concat.Discriminator(LABELLED, 2), (IMAGE, LABEL)),
    (sngan_class_head.Discriminator(LABELLED, 2), (IMAGE,)),
    (projection_super_resolution.Discriminator(LABELLED, 2), (IMAGE, LOW)),
    (projection_super_resolution.ConcatDiscriminator(LABELLED, 2), (IMAGE, LOW)),
    (spectral_norm(nn.Linear(3, 2)), (torch.randn(2, 3),)),
]


@pytest.mark.parametrize(("network", "inputs"), NETWORKS[:-1])
def test_a_call_takes_one_power_iteration_in_each_layer_and_never_under_autocast(network, inputs):
    seen = {}

    def note(norm, *_):
        seen.setdefault(norm, []).append(torch.is_autocast_enabled("cpu"))

    norms = [part[0] for name, part in network.named_modules() if name.endswith("parametrizations.weight")]
    hooks = [norm.register_forward_hook(note) for norm in norms]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        network(*inputs)
    for hook in hooks:
        hook.remove()
    assert [seen[norm] for norm in norms] == [[False]] * len(norms)


def test_an_iteration_renews_both_vectors():
    network, inputs = NETWORKS[-1]
    weight = network.parametrizations.weight
    u = nn.functional.normalize(weight.original @ weight[0]._v, dim=0)
    with parametrize.cached():
        normalise(network, "cpu")
        network(*inputs)
    assert torch.allclose(weight[0]._u, u, atol=1e-6)
    assert torch.allclose(weight[0]._v, nn.functional.normalize(weight.original.T @ u, dim=0), atol=1e-6)
