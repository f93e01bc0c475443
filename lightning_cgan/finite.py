"""A step that NaN or infinity would spoil is not taken."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.plugins.precision import MixedPrecision
from torch import Tensor, nn
from torch.nn.utils import get_total_norm
from torch.optim import Optimizer

from lightning_cgan.errors import NonFiniteError

LEAST_SCALE = 2.0**-14  # a loss scale this small does not overflow float16: the gradient itself is not finite


def check_step(module: LightningModule, optimizer: Optimizer, loss: Tensor) -> None:
    """Refuse a step of ``optimizer`` down a loss or gradients that are not finite, in all processes together.

    With float16 a gradient that overflows is usual: the loss scaler leaves out the step and halves its scale.

    Costs one synchronisation with the device a step, and one of all processes where there are several. A captured graph
    will need a flag on the device instead.

    Raises:
        NonFiniteError: before the step.
    """
    gradients = [weight.grad for group in optimizer.param_groups for weight in group["params"]]
    norm = get_total_norm([gradient for gradient in gradients if gradient is not None]).to(loss.device)
    found = torch.stack([loss.detach().float(), norm.float()])
    in_loss, in_gradients = (not finite for finite in found.isfinite().tolist())
    spoiled = in_loss or (in_gradients and not left_to_scaler(module))
    strategy = module.trainer.strategy
    if strategy.reduce_boolean_decision(spoiled, all=False):  # or the others would wait for this process
        update, network = module.trainer.fit_loop.total_batch_idx + 1, network_of(module, optimizer)
        value, gradient = (float(number) for number in found)
        kind = f"the loss of the {network} is {value}" if in_loss else f"the gradient of the {network} is not finite"
        told = kind if spoiled else f"the loss or gradient of the {network} in another process is not finite"
        raise NonFiniteError(
            f"update {update}: {told}; its step was not taken, and nothing of this update is saved.",
            update=update,
            network=network,
            loss=value,
            gradient_norm=gradient,
        )


def left_to_scaler(module: LightningModule) -> bool:
    """Whether gradients are of a scaled loss, whose overflow the scaler answers by a smaller scale."""
    plugin = module.trainer.precision_plugin
    scaler = plugin.scaler if isinstance(plugin, MixedPrecision) else None
    return scaler is not None and scaler.get_scale() > LEAST_SCALE


def network_of(module: LightningModule, optimizer: Optimizer) -> str:
    """The attributes of ``module`` whose weights ``optimizer`` moves: "discriminator"."""
    weights = {id(weight) for group in optimizer.param_groups for weight in group["params"]}
    names = [name.partition(".")[0] for name, weight in module.named_parameters() if id(weight) in weights]
    return " and ".join(dict.fromkeys(names))


def check_trained(network: nn.Module, what: str) -> None:
    """Refuse a network that was trained to score others, if its weights are not finite: its scores mean nothing.

    Raises:
        NonFiniteError: naming the first weights.
    """
    for name in not_finite(network.state_dict()):
        raise NonFiniteError(f"{what} came to NaN or infinity in training: {name}. What it was to score has no score.")


def not_finite(tree: Any, name: str = "") -> Iterator[str]:
    """The names of the tensors in nested dictionaries and lists that hold NaN or infinity."""
    if isinstance(tree, Tensor):
        if tree.is_floating_point() and not bool(tree.isfinite().all()):
            yield name
        return
    branches = tree.items() if isinstance(tree, Mapping) else enumerate(tree) if isinstance(tree, list | tuple) else ()
    for part, branch in branches:
        yield from not_finite(branch, f"{name}.{part}" if name else str(part))
