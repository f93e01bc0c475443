"""Loading of network weights from the checkpoint of an earlier run, and freezing of networks."""

from pathlib import Path

from torch import Tensor, nn

from lightning_cgan import checksum
from lightning_cgan.errors import UserError


def frozen(network: nn.Module) -> nn.Module:
    """``network`` in eval mode, with ``requires_grad`` off for all its parameters."""
    return network.eval().requires_grad_(False)


def trained_weights(path: str, model: nn.Module, part: str = "") -> dict[str, Tensor]:
    """State dict for ``model`` from a checkpoint written by ``fit``, on the CPU.

    Args:
        path: checkpoint file.
        model: module whose state dict has the same names and shapes.
        part: prefix of the weights in the checkpoint, such as "generator.", if ``model`` is one network of several.

    Raises:
        UserError: if the file is missing, is not a checkpoint of ``fit``, or has other weights than ``model``.
    """
    if not Path(path).is_file():
        raise UserError(
            f"init_checkpoint must be a checkpoint that `fit` has written; there is no {path}. "
            "Train that one first, or set model.init_args.init_checkpoint."
        )
    try:
        saved = checksum.load(path)[0]["state_dict"]
    except Exception as cause:
        raise UserError(
            f"init_checkpoint must be a checkpoint that `fit` has written; {path} is broken or from elsewhere. "
            "Set model.init_args.init_checkpoint."
        ) from cause
    saved = {name.removeprefix(part): weight for name, weight in saved.items() if name.startswith(part)}
    own = model.state_dict()
    name = next((n for n in {**own, **saved} if n not in own or n not in saved or own[n].shape != saved[n].shape), None)
    if name:
        raise UserError(
            f"init_checkpoint must hold weights of the same networks; those of {path} differ in {name}. "
            "Set model.init_args.init_checkpoint, or the networks to those of that run."
        )
    return saved
