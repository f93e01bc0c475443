"""Compares a network with an independent statement of its layers, written in plain functions of torch."""

from functools import partial

import torch
from torch.nn import functional as F

ABSENT = "num_batches_tracked"  # counts calls; no layer reads it


class Layers:
    """The weights of a network by name, and the layers that statements use."""

    def __init__(self, network):
        self.held = {name: value.detach().clone() for name, value in network.state_dict().items()}
        self.training, self.used = network.training, set()

    def __call__(self, name):
        self.used.add(name)
        return self.held[name]

    def affine(self, name, bias, weight):
        return self(f"{name}.weight") if weight is None else weight, self(f"{name}.bias") if bias else None

    def linear(self, name, x, bias=True, weight=None):
        return F.linear(x, *self.affine(name, bias, weight))

    def conv(self, name, x, bias=True, weight=None, **options):
        return F.conv2d(x, *self.affine(name, bias, weight), **options)

    def transposed(self, name, x, bias=True, weight=None, **options):
        return F.conv_transpose2d(x, *self.affine(name, bias, weight), **options)

    def reflected(self, name, x, pad, **options):
        return self.conv(name, F.pad(x, [pad] * 4, mode="reflect"), **options)

    def batch_norm(self, name, x, eps=1e-5, momentum=0.1, affine=True):
        weights = [self(f"{name}.{part}") for part in ("weight", "bias")] if affine else [None, None]
        statistics = [self(f"{name}.running_{part}") for part in ("mean", "var")]
        return F.batch_norm(x, *statistics, *weights, self.training, momentum, eps)

    def spectral(self, name):
        """W / (u W v), after one power iteration in training."""
        part = f"{name}.parametrizations.weight"
        weight, u, v = self(f"{part}.original"), self(f"{part}.0._u"), self(f"{part}.0._v")
        matrix = weight.flatten(1)
        if self.training:
            u.copy_(F.normalize(matrix @ v, dim=0))
            v.copy_(F.normalize(matrix.T @ u, dim=0))
        return weight / (u @ matrix @ v)

    def dropout(self, x, share):
        return F.dropout(x, share, self.training)

    def noisy(self, x, std):
        return x + std * torch.randn_like(x) if self.training else x


def filled(network):
    """``network`` in float64, with random values in all its parameters and running statistics."""
    network.double()
    for name, value in network.named_parameters():
        spread = 1.2 / max(value[0].numel(), 1) ** 0.5 if value.ndim > 1 else 0.3
        value.data.normal_(std=spread).add_(float(value.ndim == 1 and not name.endswith("bias")))
    return network


def states(network, *inputs, **options):
    """Calls ``network`` so often that its spectral norms settle, then sets its running statistics."""
    with torch.no_grad():
        for _ in range(3):
            network.train()(*inputs, **options)
    for name, value in network.named_buffers():
        if "running" in name:
            value.copy_(torch.rand_like(value) + 0.5)


def agree(network, statement, *inputs, unused=(), seed=0, **options):
    """Asserts that ``network`` is ``statement(layers, *inputs)`` in training and in evaluation, to 1e-9.

    Compared are the outputs, the gradients at the inputs, and the buffers after the call. All weights are used, but for
    those whose names begin with one of ``unused``. ``options`` are further arguments of the network.
    """
    torch.manual_seed(seed)
    inputs = [one.double() if one.is_floating_point() else one for one in inputs]
    states(filled(network), *inputs, **options)
    for training in (False, True):
        layers = Layers(network.train(training))
        expected = results(partial(statement, layers), inputs, seed)
        found = results(partial(network, **options), inputs, seed)
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9, check_dtype=False)
        for name, value in network.state_dict().items():
            if ABSENT not in name:
                torch.testing.assert_close(layers.held[name], value, rtol=1e-9, atol=1e-9, msg=f"buffer {name}")
        left = {name for name in layers.held.keys() - layers.used if ABSENT not in name}
        assert {name for name in left if not name.startswith(tuple(unused))} == set()


def results(compute, inputs, seed):
    """The outputs of ``compute`` and the gradients at its inputs."""
    given = [one.clone().requires_grad_(one.is_floating_point()) for one in inputs]
    torch.manual_seed(seed + 1)  # for dropout and noise
    outputs = list(flat([compute(*given)]))
    score = sum((part * torch.linspace(0.5, 1.5, part.numel()).view_as(part)).sum() for part in outputs)
    return outputs + list(torch.autograd.grad(score, [one for one in given if one.requires_grad]))


def flat(outputs):
    for one in outputs:
        if isinstance(one, torch.Tensor):
            yield one
        else:
            yield from flat(one)


def starts_as(weight, kind, size):
    """Asserts that ``weight`` is a draw from N(0, size) or from U(-size, size), by its moments and its bound."""
    values, count = weight.detach().flatten().double(), weight.numel()
    std = {"normal": size, "uniform": size / 3**0.5}[kind]
    kurtosis = {"normal": 3.0, "uniform": 1.8}[kind]
    assert abs(values.mean().item()) < 5 * std / count**0.5
    assert abs(values.std().item() / std - 1) < 5 / count**0.5
    assert abs((values**4).mean().item() / std**4 - kurtosis) < 60 / count**0.5
    assert kind == "normal" or values.abs().max() <= size * (1 + 1e-6)
