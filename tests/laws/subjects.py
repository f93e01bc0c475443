"""What the laws are checked on: every case of the golden updates, trained one generator update at a time.

A paper is found by its golden cases, so a new one falls under every law that what it declares makes apply.
"""

import inspect
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, NamedTuple

import torch
from lightning.pytorch import Callback, Trainer
from torch import Tensor
from torch.optim import SGD

from lightning_cgan import papers
from lightning_cgan.papers.base import Paper
from tests.golden.cases import PAPERS
from tests.golden.record import KeepDoubles

CASES = {
    f"{paper}-{name}": case
    for paper, cases in PAPERS.items()
    for name, case in cases().items()
    if not callable(case)  # pixels are optimised, no paper is trained
}


def every_paper() -> set[type]:
    """The classes of all files in ``papers``."""
    modules = [import_module(f"{papers.__name__}.{entry.name}") for entry in iter_modules(papers.__path__)]
    found = {thing for module in modules for thing in vars(module).values() if isinstance(thing, type)}
    return {one for one in found if issubclass(one, Paper) and not one.__module__.endswith((".base", ".kinds"))}


def arguments(name: str) -> dict[str, inspect.Parameter]:
    """The constructor arguments of the paper of a case."""
    return dict(inspect.signature(CASES[name].model.func).parameters)


def option(name: str, argument: str, otherwise: Any = None) -> Any:
    """The value of a constructor argument in a case; ``otherwise`` for a paper without it."""
    parameter = arguments(name).get(argument)
    return CASES[name].model.keywords.get(argument, parameter.default if parameter else otherwise)


def names(applies=lambda name: True) -> list[str]:
    """The cases to which a law applies."""
    return [name for name in CASES if applies(name)]


def classes(cases) -> set[str]:
    """The papers of cases, by the name of their class."""
    return {CASES[name].model.func.__name__ for name in cases}


def takes(*wanted: str):
    """Whether the paper of a case has constructor arguments of these names."""
    return lambda name: arguments(name).keys() >= set(wanted)


def first_of_each(cases) -> list[str]:
    """The first of ``cases`` of each paper."""
    return list({CASES[name].model.func: name for name in reversed(list(cases))}.values())[::-1]


def optimizer_arguments(name: str) -> list[str]:
    """The constructor arguments that make optimizers, one for each role."""
    return [argument for argument in arguments(name) if argument.endswith("optimizer")]


def descending(name: str, rates: dict[str, float]) -> dict[str, Any]:
    """Arguments that give each optimizer plain gradient descent, with a rate of its own."""
    return {argument: partial(SGD, lr=rates.get(argument, 0.0)) for argument in optimizer_arguments(name)}


def distinct(name: str, first: float = 1e-3) -> dict[str, float]:
    """A learning rate for each optimizer of a paper, no two alike."""
    return {argument: first * (place + 1) for place, argument in enumerate(optimizer_arguments(name))}


def flat(tensors) -> Tensor:
    """All numbers of tensors in a vector, a copy."""
    return torch.cat([tensor.detach().flatten() for tensor in tensors] or [torch.zeros(0)])


class Prepared(Trainer):
    """Sets a run up, or restores it from a checkpoint, and leaves its updates to the test."""

    def _run_stage(self) -> None:
        pass


class Step(NamedTuple):
    """One optimizer step."""

    role: str
    loss: float  # handed to the backward pass
    of_loss: Tensor | None = None  # the gradient of that loss by the role's parameters
    gradient: Tensor | None = None  # with which the optimizer stepped
    rate: float | None = None
    before: dict[str, Tensor] | None = None  # the parameters by role
    after: dict[str, Tensor] | None = None

    def moved(self) -> list[str]:
        """The roles of which a parameter changed."""
        assert self.before is not None
        assert self.after is not None
        return [role for role, start in self.before.items() if not torch.equal(start, self.after[role])]


class Watch(Callback):
    """Notes each optimizer step; of ``losses_only``, the role and the loss."""

    def __init__(self, losses_only: bool) -> None:
        self.losses_only, self.steps = losses_only, []

    def on_before_backward(self, trainer, module, loss):
        self.loss = loss.item()
        if self.losses_only:
            return
        trained = [weight for weight in module.parameters() if weight.requires_grad]
        found = torch.autograd.grad(loss, trained, retain_graph=True, allow_unused=True)
        self.of_loss = dict(zip(map(id, trained), found, strict=True))

    def before(self, training):
        if self.losses_only:
            return
        self.start = {role: flat(group) for role, group in training.parameters().items()}

    def after(self, training, role, optimizer):
        if self.losses_only:
            self.steps.append(Step(role, self.loss))
            return
        (group,) = optimizer.param_groups
        zero = [torch.zeros_like(weight) for weight in group["params"]]
        kept = [nothing if one.grad is None else one.grad for one, nothing in zip(group["params"], zero, strict=True)]
        found = [self.of_loss.get(id(one)) for one in group["params"]]
        found = [nothing if one is None else one for one, nothing in zip(found, zero, strict=True)]
        now = {name: flat(weights) for name, weights in training.parameters().items()}
        step = Step(role, self.loss, flat(found), flat(kept), group["lr"], self.start, now)
        self.steps.append(step)


class Training:
    """A run of the paper of a case, one generator update at a time.

    Args:
        name: of the case.
        rank: of the process that the paper believes to be in.
        checkpoint: path of a checkpoint to go on from.
        length: updates in the run.
        watched: whether each optimizer step is noted, in ``steps``.
        losses_only: of each step only the role and the loss.
        double: in float64; otherwise in float32.
        **options: of the paper's constructor, instead of those of the case.
    """

    def __init__(
        self, name, *, rank=0, checkpoint=None, length=10, watched=False, losses_only=False, double=True, **options
    ):
        self.case, self.watch, self.double = CASES[name], Watch(losses_only), double
        self.logged: list[dict[str, Tensor]] = []
        self.trainer = Prepared(
            accelerator="cpu",
            precision="64-true" if double else "32-true",
            max_steps=length,
            callbacks=[self.watch] if watched else [],
            log_every_n_steps=0,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        self.trainer.strategy.global_rank = rank
        with self.precisely(), self.trainer.init_module():
            self.paper = self.case.model(**options)
            self.trainer.fit(self.paper, self.case.batches, ckpt_path=checkpoint)
        self.paper.train()
        self.update_of_paper, self.paper.update = self.paper.update, self.noted
        for role, optimizer in zip(self.paper.optimizer_factories, self.trainer.optimizers, strict=True):
            if watched:
                optimizer.register_step_pre_hook(lambda *_: self.watch.before(self))
                optimizer.register_step_post_hook(lambda one, *_, role=role: self.watch.after(self, role, one))

    @contextmanager
    def precisely(self) -> Iterator[None]:
        with ExitStack() as stack:
            if self.double:
                stack.enter_context(KeepDoubles())
            yield

    def noted(self, batch) -> dict[str, Tensor]:
        """The paper's update; what it returned is noted, and whether it drew random numbers."""
        before = torch.get_rng_state()
        self.logged.append(self.update_of_paper(batch))
        self.drew = not torch.equal(before, torch.get_rng_state())
        return self.logged[-1]

    @property
    def steps(self) -> list[Step]:
        return self.watch.steps

    def update(self, batch=None) -> None:
        """Take the next generator update, on ``batch`` or on the case's own."""
        done = self.trainer.global_step
        batch = self.case.batches[done % len(self.case.batches)] if batch is None else batch
        with self.precisely():
            batch = type(batch)(*(one.to(self.paper.dtype) if one.is_floating_point() else one for one in batch))
            self.trainer.fit_loop.epoch_loop.manual_optimization.on_run_start()
            self.paper.on_train_batch_start(batch, done)
            self.trainer.strategy.training_step(batch, done)

    def parameters(self) -> dict[str, list[Tensor]]:
        """The trained parameters by role, and the others of the paper, averages left out."""
        roles = {
            role: [weight for network in networks for weight in network.parameters()]
            for role, networks in self.paper.networks().items()
        }
        known = {id(weight) for weights in roles.values() for weight in weights}
        return roles | {"none": [one for one in self.paper.parameters() if one.requires_grad and id(one) not in known]}

    def state(self) -> dict[str, Tensor]:
        """A copy of all parameters and buffers."""
        return {name: tensor.clone() for name, tensor in self.paper.state_dict().items()}

    def saved(self) -> dict[str, Any]:
        """What a checkpoint of now holds."""
        return self.trainer._checkpoint_connector.dump_checkpoint(weights_only=False)


@cache
def trace(name: str) -> Training:
    """Two updates of a case by gradient descent with a rate for each role, and a schedule where it takes one."""
    schedule = {"schedule": lesson} if "schedule" in arguments(name) else {}
    training = Training(name, watched=True, double=False, **descending(name, distinct(name)), **schedule)
    training.clocks = []
    for _ in range(2):
        training.update()
        training.clocks.append((training.trainer.global_step, len(training.steps)))
    return training


def lesson(update: int, length: int) -> float:
    """A schedule that no paper has."""
    return (update + 2) / (length + 3)
