"""DINOv2's published weights in torchvision's vision transformer. Oquab et al. 2024.

The published state dict of the authors' network differs from torchvision's in its names, in a learned scale on each
branch, which is folded into the preceding layer, and in the feed-forward layer of the largest network.
"""

import re

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, silu
from torchvision.models import VisionTransformer

PATCH = 14  # pixels along a patch
HEAD = 64  # width of an attention head, in all four networks
OFFSET = 0.1  # patches added by the authors' interpolation of positions
SCALED = {"ls1": "attn.proj", "ls2": "mlp.fc2"}  # the layer before each scale
LAYERS = (
    (r"^cls_token$", "class_token"),
    (r"^pos_embed$", "encoder.pos_embedding"),
    (r"^patch_embed\.proj\.", "conv_proj."),
    (r"^norm\.", "encoder.ln."),
    (r"^blocks\.(\d+)\.", r"encoder.layers.encoder_layer_\1."),
    (r"\.norm([12])\.", r".ln_\1."),
    (r"\.attn\.qkv\.", ".self_attention.in_proj_"),
    (r"\.attn\.proj\.", ".self_attention.out_proj."),
    (r"\.mlp\.fc1\.", ".mlp.0."),
    (r"\.mlp\.fc2\.", ".mlp.3."),
)


class SwiGLU(nn.Module):
    """The feed-forward layer of ViT-g: (..., width) to itself. Shazeer 2020."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.w12 = nn.Linear(width, 2 * hidden)
        self.w3 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.w12(x).chunk(2, dim=-1)
        return self.w3(silu(gate) * value)


def network_of(published: dict[str, Tensor], size: int) -> VisionTransformer:
    """The network that ``published`` weights belong to: images (B, 3, size, size) to the class token (B, F).

    Depth and width are those of the weights. Images are normalised with ImageNet's mean and standard deviation.

    Raises:
        KeyError: for weights of another network.
        RuntimeError: if some weights do not fit.
    """
    width = published["cls_token"].shape[-1]
    depth = len({name.split(".")[1] for name in published if name.startswith("blocks.")})
    gated = published.get("blocks.0.mlp.w3.weight")
    with torch.device("meta"):  # no memory and no random numbers for weights that are replaced
        network = VisionTransformer(size, PATCH, depth, width // HEAD, width, 4 * width)
        network.heads = nn.Identity()
        for block in network.encoder.layers if gated is not None else ():
            block.mlp = SwiGLU(width, gated.shape[1])
    network.load_state_dict(renamed(published, size // PATCH), assign=True)
    return network


def renamed(published: dict[str, Tensor], patches: int) -> dict[str, Tensor]:
    """``published`` under torchvision's names, for images of ``patches`` by ``patches``."""
    weights = {name: value for name, value in published.items() if name != "mask_token"}  # only used in training
    weights["pos_embed"] = positions(weights["pos_embed"], patches)
    for name in [name for name in weights if name.endswith(".gamma")]:
        block, branch, _ = name.rsplit(".", 2)
        layer = SCALED[branch] if f"{block}.{SCALED[branch]}.weight" in weights else "mlp.w3"
        scale = weights.pop(name)
        for part in ("weight", "bias"):
            value = weights[f"{block}.{layer}.{part}"]
            weights[f"{block}.{layer}.{part}"] = scale.view(-1, *[1] * (value.ndim - 1)) * value
    return {torchvision_name(name): value for name, value in weights.items()}


def torchvision_name(name: str) -> str:
    for pattern, replacement in LAYERS:
        name = re.sub(pattern, replacement, name)
    return name


def positions(embedding: Tensor, patches: int) -> Tensor:
    """Positions (1, 1 + N * N, F) resized to (1, 1 + patches * patches, F), as in the authors' code.

    Bicubic without antialiasing, with a slightly larger factor.
    """
    trained = round((embedding.shape[1] - 1) ** 0.5)
    if trained == patches:
        return embedding
    plane = embedding[:, 1:].reshape(1, trained, trained, -1).permute(0, 3, 1, 2)
    factor = (patches + OFFSET) / trained
    plane = interpolate(plane, scale_factor=(factor, factor), mode="bicubic")
    return torch.cat((embedding[:, :1], plane.flatten(2).transpose(1, 2)), dim=1)
