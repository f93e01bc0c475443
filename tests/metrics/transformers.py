"""Random weights of vision transformers in the format in which DINOv2's are published."""

import torch

TRAINED = 37  # patches along an image of the published training


def published(depth, width, gated=False, seed=0):
    """A state dict of ``depth`` blocks, in which no tensor is zero or one so that a forgotten one shows."""
    hidden = 4 * width
    mlp = {"fc1": (hidden, width), "fc2": (width, hidden)}
    if gated:
        mlp = {"w12": (2 * hidden, width), "w3": (width, hidden)}
    shapes = {
        "cls_token": (1, 1, width),
        "pos_embed": (1, 1 + TRAINED**2, width),
        "mask_token": (1, width),
        "patch_embed.proj.weight": (width, 3, 14, 14),
        "patch_embed.proj.bias": (width,),
        "norm.weight": (width,),
        "norm.bias": (width,),
    }
    for i in range(depth):
        layers = {"attn.qkv": (3 * width, width), "attn.proj": (width, width)}
        layers |= {f"mlp.{name}": shape for name, shape in mlp.items()}
        for name, shape in layers.items():
            shapes |= {f"blocks.{i}.{name}.weight": shape, f"blocks.{i}.{name}.bias": shape[:1]}
        for name in ("norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias", "ls1.gamma", "ls2.gamma"):
            shapes[f"blocks.{i}.{name}"] = (width,)
    stream = torch.Generator().manual_seed(seed)
    weights = {name: torch.randn(shape, generator=stream) for name, shape in shapes.items()}
    for name, value in weights.items():
        if name.endswith("weight") and value.ndim > 1:
            value /= value[0].numel() ** 0.5
    return weights
