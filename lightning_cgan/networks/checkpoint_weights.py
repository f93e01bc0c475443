"""Weights that an earlier run has trained."""

from pathlib import Path

from torch import Tensor, nn

from lightning_cgan import checksum
from lightning_cgan.errors import UserError


def frozen(network: nn.Module) -> nn.Module:
    """``network`` as it is for good: in eval mode and without gradients for its parameters."""
    return network.eval().requires_grad_(False)


def trained_weights(path: str, model: nn.Module, part: str = "") -> dict[str, Tensor]:
    """The weights for ``model`` that a checkpoint of ``fit`` holds, on the CPU.

    Args:
        path: of the checkpoint.
        model: with networks of the same shapes.
        part: what the names of the weights in the checkpoint begin with, where ``model`` is one network of several.

    Raises:
        UserError: if the file is missing or is not such a checkpoint, or is that of a model with other weights.
    """
    if not Path(path).is_file():
        raise UserError(
            f"A run starts from a checkpoint that `fit` has written; there is no {path}. "
            "Train that one first, or set model.init_args.init_checkpoint."
        )
    try:
        held = checksum.load(path)[0]["state_dict"]
    except Exception as cause:
        raise UserError(
            f"A run starts from a checkpoint that `fit` has written; {path} is broken or from elsewhere. "
            "Set model.init_args.init_checkpoint."
        ) from cause
    held = {name.removeprefix(part): weight for name, weight in held.items() if name.startswith(part)}
    own = model.state_dict()
    name = next((n for n in {**own, **held} if n not in own or n not in held or own[n].shape != held[n].shape), None)
    if name:
        raise UserError(
            f"A run starts from weights of its own networks; those of {path} differ in {name}. "
            "Set model.init_args.init_checkpoint, or the networks to those of that run."
        )
    return held
