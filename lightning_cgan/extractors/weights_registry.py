"""Published weights of feature networks: URLs, hashes, sizes, and reading them from disk.

Used by the networks that load them and by the command that downloads them.
"""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lightning_cgan.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

DINO = "https://dl.fbaipublicfiles.com/dinov2"


class Pinned(NamedTuple):
    """A published file of weights."""

    url: str
    sha256: str
    size: int  # bytes


PINNED = {
    "inception": Pinned(
        "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
        "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
        95_628_359,
    ),
    "vgg16": Pinned(
        "https://download.pytorch.org/models/vgg16-397923af.pth",
        "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        553_433_881,
    ),
    "vgg19": Pinned(
        "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
        "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
        574_673_361,
    ),
    "dinov2-vit-s-14": Pinned(
        f"{DINO}/dinov2_vits14/dinov2_vits14_pretrain.pth",
        "b938bf1bc15cd2ec0feacfe3a1bb553fe8ea9ca46a7e1d8d00217f29aef60cd9",
        88_283_115,
    ),
    "dinov2-vit-b-14": Pinned(
        f"{DINO}/dinov2_vitb14/dinov2_vitb14_pretrain.pth",
        "0b8b82f85de91b424aded121c7e1dcc2b7bc6d0adeea651bf73a13307fad8c73",
        346_378_731,
    ),
    "dinov2-vit-l-14": Pinned(
        f"{DINO}/dinov2_vitl14/dinov2_vitl14_pretrain.pth",
        "d5383ea8f4877b2472eb973e0fd72d557c7da5d3611bd527ceeb1d7162cbf428",
        1_217_586_395,
    ),
    "dinov2-vit-g-14": Pinned(
        f"{DINO}/dinov2_vitg14/dinov2_vitg14_pretrain.pth",
        "baf8467e50af277596bbbafa06887c177ee899ab46033649c383577d7e9309d3",
        4_546_108_579,
    ),
}


def file_name(name: str) -> str:
    """The file name of these weights on disk."""
    return f"{name}.pth"


def fetch_command(name: str, folder: Path) -> str:
    """The command line that downloads these weights to ``folder``."""
    return f"lightning-cgan features fetch {name} --to {folder}"


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_weights(weights: str, sha256: str, name: str) -> "dict[str, Tensor]":
    """The state dict in the file ``weights``, published as ``name``.

    Raises:
        UserError: if the file is missing, its hash is not ``sha256``, or it is not a state dict.
    """
    import torch  # here, because the command line lists and fetches weights without it

    path = Path(weights)
    if not path.is_file():
        raise UserError(
            f"{name} features need the weights of the network on disk; got no file {weights}. {advice(path, name)}."
        )
    if (got := sha256_of(path)) != sha256:
        raise UserError(
            f"{name} features need the weights with the hash {sha256}; got {weights} with {got}. "
            f"{advice(path, name)}, or set init_args.sha256 to use other weights intentionally."
        )
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as cause:
        raise UserError(foreign(weights, name)) from cause
    if not isinstance(held, dict) or not all(isinstance(value, torch.Tensor) for value in held.values()):
        raise UserError(foreign(weights, name))
    return held


def foreign(weights: str, name: str) -> str:
    """The message for a file that does not hold the weights of the network ``name``."""
    what = f"{name} features need that network's state dict; got {weights}, which is another file."
    return f"{what} {advice(Path(weights), name)}."


def advice(path: Path, name: str) -> str:
    """The sentence that tells how to get the published weights."""
    place = path.with_name(file_name(name))
    return f"Run `{fetch_command(name, path.parent)}` and set the extractor's init_args.weights to {place}"
