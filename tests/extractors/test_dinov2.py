"""The converted network against the published one, written out here in float64 from its weights."""

import numpy as np
import pytest
import torch
from torch.nn.functional import conv2d, gelu, layer_norm, linear, silu

from lightning_cgan.extractors.dinov2 import network_of, positions
from tests.metrics.transformers import TRAINED, published

WIDTH = 128


def cubic(distance):
    """The weights of bicubic interpolation with a = -0.75."""
    a, d = -0.75, np.abs(distance)
    near, far = (a + 2) * d**3 - (a + 3) * d**2 + 1, a * (d**3 - 5 * d**2 + 8 * d - 4)
    return np.where(d <= 1, near, np.where(d < 2, far, 0))


def interpolation(patches):
    """The (patches, TRAINED) matrix that resamples one axis, 0.1 patches wider than it should be, edges repeated."""
    matrix = np.zeros((patches, TRAINED))
    for row, place in enumerate((np.arange(patches) + 0.5) * TRAINED / (patches + 0.1) - 0.5):
        for tap in range(int(np.floor(place)) - 1, int(np.floor(place)) + 3):
            matrix[row, np.clip(tap, 0, TRAINED - 1)] += cubic(place - tap)
    return matrix


def interpolated(embedding, patches):
    axis = interpolation(patches)
    plane = embedding[0, 1:].double().numpy().reshape(TRAINED, TRAINED, -1)
    plane = np.einsum("ai,bj,ijf->abf", axis, axis, plane).reshape(1, patches**2, -1)
    return torch.cat((embedding[:, :1].double(), torch.from_numpy(plane)), dim=1)


def attention(x, weights, heads):
    q, k, v = linear(x, weights["attn.qkv.weight"], weights["attn.qkv.bias"]).chunk(3, dim=-1)
    q, k, v = (part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in (q, k, v))
    mixed = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(-1) @ v
    return linear(mixed.transpose(1, 2).flatten(2), weights["attn.proj.weight"], weights["attn.proj.bias"])


def feed_forward(x, weights):
    if "mlp.w12.weight" in weights:
        gate, value = linear(x, weights["mlp.w12.weight"], weights["mlp.w12.bias"]).chunk(2, dim=-1)
        return linear(silu(gate) * value, weights["mlp.w3.weight"], weights["mlp.w3.bias"])
    hidden = gelu(linear(x, weights["mlp.fc1.weight"], weights["mlp.fc1.bias"]))
    return linear(hidden, weights["mlp.fc2.weight"], weights["mlp.fc2.bias"])


def normed(x, weights, name):
    return layer_norm(x, x.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"], eps=1e-6)


def class_token(weights, image, depth):
    """What the published network makes of images (B, 3, H, H)."""
    weights = {name: value.double() for name, value in weights.items()}
    patch = conv2d(image.double(), weights["patch_embed.proj.weight"], weights["patch_embed.proj.bias"], stride=14)
    x = torch.cat((weights["cls_token"].expand(len(image), -1, -1), patch.flatten(2).transpose(1, 2)), dim=1)
    x = x + interpolated(weights["pos_embed"], image.shape[-1] // 14)
    for number in range(depth):
        prefix = f"blocks.{number}."
        block = {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
        x = x + block["ls1.gamma"] * attention(normed(x, block, "norm1"), block, x.shape[-1] // 64)
        x = x + block["ls2.gamma"] * feed_forward(normed(x, block, "norm2"), block)
    return normed(x, weights, "norm")[:, 0]


@pytest.mark.parametrize("gated", [False, True])
def test_it_computes_what_the_published_network_does(gated):
    weights, image = published(depth=2, width=WIDTH, gated=gated), torch.randn(2, 3, 56, 56)
    with torch.no_grad():
        ours = network_of(weights, 56).eval()(image)
    expected = class_token(weights, image, depth=2)
    assert (ours - expected).abs().max() < 3e-6 * expected.abs().max()


def test_positions_are_resampled_as_the_authors_do_it():
    embedding = published(depth=0, width=64)["pos_embed"]
    assert torch.allclose(positions(embedding, 16).double(), interpolated(embedding, 16), atol=1e-5)
    assert torch.equal(positions(embedding, TRAINED), embedding)


def test_weights_with_registers_are_not_mistaken_for_those_without():
    weights = published(depth=1, width=64)
    network_of(weights, 28)
    with pytest.raises(RuntimeError, match="register_tokens"):
        network_of(weights | {"register_tokens": torch.zeros(1, 4, 64)}, 28)


def test_missing_weights_are_missed():
    weights = published(depth=1, width=64)
    del weights["norm.bias"]
    with pytest.raises(RuntimeError, match=r"encoder.ln.bias"):
        network_of(weights, 28)
