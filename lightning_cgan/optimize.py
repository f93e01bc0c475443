"""The one idiom of manual optimisation, and the clock of a run."""

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

    Lightning counts every optimizer's steps in ``trainer.global_step``. Here only steps with ``tick`` count: one per
    ``training_step``, the generator's. So ``max_steps``, checkpoints and every logger's x-axis mean generator updates,
    however many critic updates each contains.

    Raises:
        NonFiniteError: for NaN or infinity in ``loss`` or its gradient; the step is not taken.
    """
    if not count:  # Lightning installs its counters anew for each training step
        leave_uncounted(optimizer)
    optimizer.zero_grad()
    module.manual_backward(loss)
    check_step(module, optimizer, loss)
    optimizer.step()


def should_log(module: LightningModule) -> bool:
    """Whether this generator update, just counted, is one whose scalars are written; with 0 Lightning writes none.

    ``self.log`` costs a third of a millisecond a key even when nothing is written, so ask first.
    """
    every = module.trainer.log_every_n_steps
    return every > 0 and module.global_step % every == 0


def logit_means(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """How far apart a discriminator holds real and generated images: its mean logit of either kind, to be logged.

    Args:
        real: (B,) logits of real images.
        fake: (K,) logits of generated images.
    """
    return {"train/d_real": real.detach().float().mean(), "train/d_fake": fake.detach().float().mean()}


class Adam(torch.optim.Adam):
    """torch's fused Adam with its two betas as plain numbers, as papers print them.

    Plain numbers are what the command line can read from a constructor's default, override one by one and save.
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
    """Stochastic gradient descent whose momentum grows in a straight line. Goodfellow et al. 2014, the authors' code.

    Args:
        params: to be optimised.
        lr: learning rate.
        momentum: of the first step.
        final_momentum: of step number ``steps`` and all after it.
        steps: over which it grows; 125,000 are their 250 epochs.

    Raises:
        UserError: for fewer steps than one.
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
            raise UserError(f"The momentum grows over steps, at least 1; met {steps}. Set init_args.steps.")
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
        module: which trains, and whose trainer knows the length of the run.
        optimizers: of the module.
        schedule: maps (generator update, updates in the run) to the factor.

    Raises:
        UserError: where the length of the run is not known.
    """
    updates = updates_of_run(module.trainer)
    return list(optimizers), [Scheduled(one, schedule, updates, tells=one is optimizers[0]) for one in optimizers]


def optimise_pixels(
    start: Tensor, loss: Callable[[Tensor], Tensor], optimizer: Callable[[list[Tensor]], Optimizer], steps: int
) -> tuple[Tensor, list[float]]:
    """An image whose loss is small, found by optimising its pixels, which stay in [-1, 1].

    Args:
        start: (B, C, H, W) in [-1, 1].
        loss: maps such an image to a number.
        optimizer: maps the image to an optimizer; L-BFGS with one iteration in a step.
        steps: to take.

    Returns:
        The image, and the (steps + 1) losses of the start and after each step.

    Raises:
        NonFiniteError: for a loss or pixels that are not finite.
    """
    with torch.inference_mode(False), torch.enable_grad():
        image = start.clone().requires_grad_()
        chosen, trace = optimizer([image]), []

        def closure() -> Tensor:
            chosen.zero_grad()
            value = loss(image)
            value.backward()
            return value

        for _ in range(steps):
            trace.append(chosen.step(closure).detach())  # type: ignore[arg-type, union-attr]
            with torch.no_grad():
                image.clamp_(-1, 1)
        with torch.no_grad():
            trace.append(loss(image))
    losses = torch.stack(trace)
    if not bool(losses.isfinite().all() and image.isfinite().all()):  # NaN stays: one look at the end finds it
        step = int(losses.isfinite().long().argmin())
        raise NonFiniteError(
            f"The pixels that are optimised came to NaN or infinity; the loss of step {step} of {steps} is "
            f"{losses[step].item()}. Lower the optimizer's learning rate, or the weights of the losses."
        )
    return image.detach(), losses.tolist()
