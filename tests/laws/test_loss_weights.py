"""A weight of a loss multiplies its term: the minimised losses and their gradients are linear in it, from 0 on."""

import pytest
import torch

from lightning_cgan.errors import UserError
from tests.laws.subjects import CASES, Training, arguments, descending

SHARES = {"DiscoGAN": ["feature_matching", "rate", "starting_rate"]}  # (1 - share) * one + share * other
WEIGHTS = sorted(
    {
        (CASES[name].model.func, argument)
        for name in CASES
        for argument in arguments(name)
        if "_weight" in argument or argument in SHARES.get(CASES[name].model.func.__name__, [])
    },
    key=lambda one: (one[0].__name__, one[1]),
)
NAMES = [f"{paper.__name__}-{argument}" for paper, argument in WEIGHTS]
IN_BOTH = {("ProGAN", "class_weight")}  # of the losses of both networks; all others are of one network


def losses(name, updates, **options):
    """What each step minimises, and its gradient, at the weights that a case starts from."""
    training = Training(name, watched=True, **descending(name, {}), **options)
    for _ in range(updates):
        training.update()
    return [(step.role, torch.cat([step.of_loss.new_tensor([step.loss]), step.of_loss])) for step in training.steps]


def close(one, other):
    """Whether two vectors are equal but for rounding."""
    return (one - other).norm() <= 1e-9 * (1 + one.norm() + other.norm())


def differing(once, other):
    """The places of the steps that two lists of losses differ in."""
    return [place for place, ((_, a), (_, b)) in enumerate(zip(once, other, strict=True)) if a.ne(b).any()]


def acting(paper, argument):
    """A case of ``paper`` in which the weight acts, and in which of its updates first."""
    cases = [name for name in CASES if CASES[name].model.func is paper]
    for name in sorted(cases, key=lambda name: argument not in CASES[name].model.keywords):
        for updates in (1, 2):
            try:
                once, twice = losses(name, updates, **{argument: 0.2}), losses(name, updates, **{argument: 0.4})
            except UserError:  # a loss that needs other networks or data than this case has
                break
            if differing(once, twice):
                return name, updates, once, twice
    raise AssertionError(f"no golden case of {paper.__name__} in which {argument} acts")


@pytest.mark.parametrize(("paper", "argument"), WEIGHTS, ids=NAMES)
def test_the_loss_and_gradient_of_one_network_are_linear_in_a_weight_and_0_removes_its_term(paper, argument):
    name, updates, once, twice = acting(paper, argument)
    none, places = losses(name, updates, **{argument: 0.0}), differing(once, twice)
    assert len({once[place][0] for place in places}) == 1 + ((paper.__name__, argument) in IN_BOTH)
    first = once[places[0]][0], sum(role == once[places[0]][0] for role, _ in once[: places[0]])
    zero = [loss for role, loss in none if role == first[0]][first[1]]  # before what a weight of 0 leaves undrawn
    small, large = once[places[0]][1], twice[places[0]][1]
    assert close(large - small, small - zero)
