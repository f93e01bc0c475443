"""Manual optimisation: the optimizer step, logging, optimizers with plain arguments, and pixel optimisation."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from lightning_cgan._compat import leave_uncounted
from lightning_cgan.clock import updates_of_run
from lightning_cgan.errors import NonFiniteError, UserError
from lightning_cgan.finite import check_step
from lightning_cgan.schedules.learning_rate import ramp
from lightning_cgan.schedules.schedulers import Schedule, Scheduled


def optimizer_step(module: LightningModule, optimizer: LightningOptimizer, loss: Tensor, count: bool = False) -> None:
    """Take one step of ``optimizer`` down the gradient of ``loss``.

    Lightning counts every optimizer's steps in ``trainer.global_step``. Here only steps with ``count`` are counted: one
    per ``training_step``, the generator's. ``max_steps``, checkpoints and the x-axis of every logger therefore refer to
    generator updates, whatever the number of critic updates in each.

    Raises:
        NonFiniteError: for NaN or infinity in ``loss`` or its gradient; the step is not taken.
    """
    if not count:  # Lightning reinstalls its counters before each training step
        leave_uncounted(optimizer)
    optimizer.zero_grad()
    module.manual_backward(loss)
    check_step(module, optimizer, loss)
    optimizer.step()


def should_log(module: LightningModule) -> bool:
    """Whether the scalars of this generator update, just counted, are written; ``log_every_n_steps`` 0 writes none.

    ``self.log`` costs a third of a millisecond per key even if nothing is written; this check avoids the call.
    """
    every = module.trainer.log_every_n_steps
    return every > 0 and module.global_step % every == 0


def logit_means(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """Mean discriminator logits of real and of generated images, for the log.

    Args:
        real: (B,) logits of real images.
        fake: (K,) logits of generated images.
    """
    return {"d_real": real.detach().float().mean(), "d_fake": fake.detach().float().mean()}


class Adam(torch.optim.Adam):
    """torch's fused Adam with its two betas as separate numbers.

    The command line can read separate numbers from a constructor's default, override one of them, and save them.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        betas = float(beta1), float(beta2)
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, fused=True)


class RampedSGD(torch.optim.SGD):
    """Stochastic gradient descent whose momentum grows linearly. Authors' code of Goodfellow et al. 2014.

    Args:
        params: to be optimised.
        lr: learning rate.
        momentum: at the first step.
        final_momentum: from step ``steps`` on.
        steps: length of the growth; 125,000 are their 250 epochs.

    Raises:
        UserError: for ``steps`` below 1.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float,
        momentum: float = 0.5,
        final_momentum: float = 0.7,
        steps: int = 125_000,
    ) -> None:
        if steps < 1:
            raise UserError(f"The momentum grows over steps, at least 1; got {steps}. Set init_args.steps.")
        super().__init__(params, lr=lr, momentum=momentum)
        for group in self.param_groups:
            group |= {"first": momentum, "last": final_momentum, "over": steps, "done": 0}

    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            group["momentum"] = ramp(group["done"], group["first"], group["last"], group["over"])
            group["done"] += 1
        return super().step(closure)


def with_lr_lambda(
    module: LightningModule, optimizers: Sequence[Optimizer], schedule: Schedule
) -> tuple[list[Optimizer], list[LRScheduler]]:
    """``optimizers``, each with a scheduler that multiplies its learning rate by ``schedule``.

    Args:
        module: the module in training; its trainer has the length of the run.
        optimizers: of the module.
        schedule: maps (generator update, updates in the run) to the factor.

    Raises:
        UserError: if the length of the run is not known.
    """
    updates = updates_of_run(module.trainer)
    return list(optimizers), [Scheduled(one, schedule, updates, reports=one is optimizers[0]) for one in optimizers]


def optimise_pixels(
    start: Tensor, loss: Callable[[Tensor], Tensor], optimizer: Callable[[list[Tensor]], Optimizer], steps: int
) -> tuple[Tensor, list[float]]:
    """Minimise ``loss`` over the pixels of an image, which are clamped to [-1, 1].

    Args:
        start: initial image (B, C, H, W) in [-1, 1].
        loss: maps an image to a scalar.
        optimizer: maps the image to an optimizer; for L-BFGS, with one iteration per step.
        steps: number of steps.

    Returns:
        The image, and the (steps + 1) losses at the start and after each step.

    Raises:
        NonFiniteError: for a loss or pixels that are not finite.
    """
    with torch.inference_mode(False), torch.enable_grad():
        image = start.clone().requires_grad_()
        solver, trace = optimizer([image]), []

        def closure() -> Tensor:
            solver.zero_grad()
            value = loss(image)
            value.backward()
            return value

        for _ in range(steps):
            trace.append(solver.step(closure).detach())  # type: ignore[arg-type, union-attr]
            with torch.no_grad():
                image.clamp_(-1, 1)
        with torch.no_grad():
            trace.append(loss(image))
    losses = torch.stack(trace)
    if not bool(losses.isfinite().all() and image.isfinite().all()):  # NaN persists, so one check suffices
        step = int(losses.isfinite().long().argmin())
        raise NonFiniteError(
            f"The optimised pixels are NaN or infinite; the loss at step {step} of {steps} is "
            f"{losses[step].item()}. Lower the optimizer's learning rate, or the weights of the losses."
        )
    return image.detach(), losses.tolist()
