import pytest
import torch
from torch import nn

from lightning_cgan.batches import PairSpec
from lightning_cgan.networks.blocks.norms import Norm
from lightning_cgan.networks.blocks.switches import drawing_from, switched
from lightning_cgan.networks.unet import UNet
from tests.conftest import same

IMAGE = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def unet(norm=Norm.batch):
    torch.manual_seed(0)
    network = UNet(PairSpec(3, 3, 16), width=4, norm=norm)
    network(IMAGE + 0.5)  # so that running statistics are others than the batch's
    return network.eval()


def drawn(network, seed, *switches):
    with torch.no_grad(), switched(network, *switches), drawing_from(seed, torch.device("cpu")):
        return network(IMAGE)


def test_the_two_switches_are_independent():
    network = unet()
    out = {
        switches: drawn(network, 0, *switches) for switches in [(a, b) for a in (False, True) for b in (False, True)]
    }
    assert torch.equal(out[False, False], network(IMAGE))
    images = list(out.values())
    assert not any(torch.equal(images[a], images[b]) for a in range(4) for b in range(a))
    with drawing_from(0, torch.device("cpu")):
        assert torch.equal(out[True, True], network.train()(IMAGE))


def test_only_dropout_listens_to_the_seed():
    network = unet()
    for statistics in (False, True):
        assert torch.equal(drawn(network, 0, False, statistics), drawn(network, 1, False, statistics))
        assert not torch.equal(drawn(network, 0, True, statistics), drawn(network, 1, True, statistics))


@pytest.mark.parametrize("training", [True, False])
def test_switching_leaves_no_trace(training):
    network = unet().train(training)
    modes = [layer.training for layer in network.modules()]
    before = {name: value.clone() for name, value in network.state_dict().items()}
    stream = torch.get_rng_state()
    drawn(network, 0, True, True)
    assert same(before, dict(network.state_dict()))
    assert [layer.training for layer in network.modules()] == modes
    assert torch.equal(torch.get_rng_state(), stream)
    assert all(layer.track_running_stats for layer in network.modules() if isinstance(layer, nn.BatchNorm2d))


def test_processes_share_no_statistics_where_training_synchronises_them():
    plain, synchronised = unet(), nn.SyncBatchNorm.convert_sync_batchnorm(unet())
    for statistics in (False, True):
        assert torch.equal(drawn(synchronised, 0, True, statistics), drawn(plain, 0, True, statistics))
    assert all("forward" not in vars(layer) for layer in synchronised.modules())


def test_instance_norm_has_no_statistics_to_choose():
    network = unet(Norm.instance)
    assert torch.equal(drawn(network, 0, False, False), drawn(network, 0, False, True))


def test_own_statistics_keep_the_gain_the_bias_and_the_epsilon_of_the_layer():
    norm, x = nn.BatchNorm1d(2, eps=0.5).eval(), torch.randn(5, 2)
    nn.init.uniform_(norm.weight)
    nn.init.uniform_(norm.bias)
    with switched(norm, False, True):
        found = norm(x)
    expected = (x - x.mean(0)) / (x.var(0, correction=0) + 0.5).sqrt() * norm.weight + norm.bias
    assert torch.allclose(found, expected, atol=1e-6)
