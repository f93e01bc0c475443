"""Checks for NaN and infinity in losses, gradients and weights; an optimizer step with one is not taken."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.plugins.precision import MixedPrecision
from torch import Tensor, nn
from torch.nn.utils import get_total_norm
from torch.optim import Optimizer

from lightning_cgan.errors import NonFiniteError

LEAST_SCALE = 2.0**-14  # below this loss scale an overflow is not due to float16: the gradient itself is not finite


def check_step(module: LightningModule, optimizer: Optimizer, loss: Tensor) -> None:
    """Raise before a step of ``optimizer`` if the loss or a gradient is not finite, in all processes together.

    With float16 overflowing gradients are normal: the loss scaler skips the step and halves its scale.

    Costs one synchronisation with the device per step, and one of all processes if there are several. A captured CUDA
    graph will need a flag on the device instead.

    Raises:
        NonFiniteError: if the loss or a gradient of any process is not finite.
    """
    gradients = [weight.grad for group in optimizer.param_groups for weight in group["params"]]
    norm = get_total_norm([gradient for gradient in gradients if gradient is not None]).to(loss.device)
    values = torch.stack([loss.detach().float(), norm.float()])
    in_loss, in_gradients = (not finite for finite in values.isfinite().tolist())
    here = in_loss or (in_gradients and not left_to_scaler(module))
    strategy = module.trainer.strategy
    if strategy.reduce_boolean_decision(here, all=False):  # else the other processes would wait for this one
        update, network = module.trainer.fit_loop.total_batch_idx + 1, network_of(module, optimizer)
        value, gradient = (float(number) for number in values)
        kind = f"the loss of the {network} is {value}" if in_loss else f"the gradient of the {network} is not finite"
        cause = kind if here else f"the loss or gradient of the {network} in another process is not finite"
        raise NonFiniteError(
            f"update {update}: {cause}; its step was not taken, and nothing of this update is saved.",
            update=update,
            network=network,
            loss=value,
            gradient_norm=gradient,
        )


def left_to_scaler(module: LightningModule) -> bool:
    """Whether gradients are those of a scaled loss, so the scaler handles an overflow by reducing its scale."""
    plugin = module.trainer.precision_plugin
    scaler = plugin.scaler if isinstance(plugin, MixedPrecision) else None
    return scaler is not None and scaler.get_scale() > LEAST_SCALE


def network_of(module: LightningModule, optimizer: Optimizer) -> str:
    """Attributes of ``module`` whose weights ``optimizer`` updates, such as "discriminator", joined by " and "."""
    weights = {id(weight) for group in optimizer.param_groups for weight in group["params"]}
    names = [name.partition(".")[0] for name, weight in module.named_parameters() if id(weight) in weights]
    return " and ".join(dict.fromkeys(names))


def check_trained(network: nn.Module, what: str) -> None:
    """Raise if a network that was trained to score images has weights that are not finite.

    Args:
        network: the trained network.
        what: its name at the start of the message, such as "The classifier of images".

    Raises:
        NonFiniteError: with the name of the first such weight.
    """
    for name in not_finite(network.state_dict()):
        raise NonFiniteError(f"{what} has NaN or infinity in {name} after training, so its scores are not computed.")


def not_finite(tree: Any, name: str = "") -> Iterator[str]:
    """Names of the tensors with NaN or infinity in nested dictionaries and lists, joined by dots, under ``name``."""
    if isinstance(tree, Tensor):
        if tree.is_floating_point() and not bool(tree.isfinite().all()):
            yield name
        return
    branches = tree.items() if isinstance(tree, Mapping) else enumerate(tree) if isinstance(tree, list | tuple) else ()
    for part, branch in branches:
        yield from not_finite(branch, f"{name}.{part}" if name else str(part))
