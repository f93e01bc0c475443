"""Weights that ship with the package."""

from collections.abc import Callable
from importlib.resources import as_file, files

import torch
from safetensors.torch import load_file
from torch import nn

from lightning_cgan.extractors.weights_registry import sha256_of


def shipped(file: str, make: Callable[[], nn.Module]) -> tuple[nn.Module, str]:
    """A frozen network in eval mode with the weights of ``extractors/weights/<file>``, and the hash of that file.

    Args:
        file: its name.
        make: makes the network; called without allocating its weights.
    """
    with as_file(files("lightning_cgan.extractors") / "weights" / file) as path:
        with torch.device("meta"):
            network = make()
        network.load_state_dict(load_file(path), assign=True)
        return network.eval().requires_grad_(False), sha256_of(path)
