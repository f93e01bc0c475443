import torch
from torch import nn

from lightning_cgan.networks.blocks.norms import Norm


def test_batch_norm_has_a_gain_and_statistics_and_instance_norm_has_neither():
    x = 3 * torch.randn(4, 2, 5, 5) + 1
    batch, instance = Norm.batch.layer(2), Norm.instance.layer(2)
    assert isinstance(batch, nn.BatchNorm2d)
    assert dict(instance.state_dict()) == {}
    out = instance.eval()(x)
    expected = (x - x.mean((2, 3), keepdim=True)) / (x.var((2, 3), correction=0, keepdim=True) + 1e-5).sqrt()
    assert torch.allclose(out, expected, atol=1e-5)
    assert torch.allclose(batch(x[:1]), instance(x[:1]), atol=1e-5)  # alike at batch size 1


def test_only_before_instance_norm_a_convolution_has_a_bias():
    assert (Norm.batch.bias, Norm.instance.bias) == (False, True)
