"""Each optimizer trains its own network, with its own settings, down the gradient of its own loss alone."""

from itertools import pairwise

import pytest
import torch

from tests.laws.subjects import (
    CASES,
    Training,
    arguments,
    descending,
    distinct,
    first_of_each,
    lesson,
    names,
    optimizer_arguments,
    trace,
)

LENGTH = 10
PAIRS = first_of_each(names(lambda name: len(optimizer_arguments(name)) > 1))


def argument_of(name, role):
    """The constructor argument that makes the optimizer of ``role``."""
    sole = optimizer_arguments(name)
    return sole[0] if sole == ["optimizer"] else f"{role}_optimizer"


def updates(training):
    """The steps of each generator update."""
    starts = [0, *(steps for _, steps in training.clocks)]
    return [training.steps[a:b] for a, b in pairwise(starts)]


@pytest.mark.parametrize("name", CASES)
def test_every_role_has_the_optimizer_of_its_argument_for_the_networks_of_its_name(name):
    training, rates = trace(name), distinct(name)
    children = dict(training.paper.named_children())
    for optimizer, (role, networks) in zip(training.trainer.optimizers, training.paper.networks().items(), strict=True):
        (group,) = optimizer.param_groups
        assert group["initial_lr"] == rates[argument_of(name, role)]
        named = [one for child, one in children.items() if child.startswith(role) and [*one.parameters()]]
        assert {id(one) for one in named} == {id(one) for one in networks}
        assert {id(one) for one in group["params"]} == {id(one) for net in networks for one in net.parameters()}
    assert not training.parameters()["none"]


@pytest.mark.parametrize("name", CASES)
def test_a_step_moves_its_own_networks_only_by_its_rate_down_the_gradient_of_its_loss(name):
    for step in trace(name).steps:
        assert step.gradient.any()
        assert torch.allclose(step.gradient, step.of_loss, rtol=1e-5, atol=1e-7)
        expected = step.before[step.role].add(step.gradient, alpha=-step.rate)
        assert torch.allclose(step.after[step.role], expected, rtol=1e-6, atol=1e-9)
        assert step.moved() == [step.role]


@pytest.mark.parametrize("name", CASES)
def test_an_update_takes_one_generator_step_and_the_critic_steps_that_it_declares_and_counts_once(name):
    training = trace(name)
    assert [clock for clock, _ in training.clocks] == [1, 2]
    roles = [*training.paper.optimizer_factories]
    per_critic = training.paper.generator_updates if "generator_updates" in arguments(name) else 1
    for update, steps in enumerate(updates(training)):
        critic = training.paper.n_critic_at(update) * ((update + 1) % per_critic == 0)
        expected = {role: 1 if len(roles) == 1 or role == "generator" else critic for role in roles}
        assert {role: [step.role for step in steps].count(role) for role in roles} == expected


@pytest.mark.parametrize("name", CASES)
def test_every_rate_is_the_base_times_the_schedule_of_the_generator_update(name):
    training, rates = trace(name), distinct(name)
    schedule = lesson if "schedule" in arguments(name) else training.paper.schedule
    for update, steps in enumerate(updates(training)):
        for step in steps:
            base = rates[argument_of(name, step.role)]
            assert step.rate == pytest.approx(base * schedule(update, LENGTH), rel=1e-12)


@pytest.mark.parametrize("name", PAIRS)
def test_a_role_with_rate_zero_stays_and_the_one_that_steps_first_moves_as_before(name):
    usual = updates(trace(name))
    schedule = {"schedule": lesson} if "schedule" in arguments(name) else {}
    for role in trace(name).paper.optimizer_factories:
        only = {argument_of(name, role): distinct(name)[argument_of(name, role)]}
        training = Training(name, watched=True, double=False, **descending(name, only), **schedule)
        for _ in range(2):
            training.update()
        for step in training.steps:
            assert step.moved() == [role] * (step.role == role)
        if role == usual[0][0].role:
            first = [step for step in usual[0] if step.role == role]
            alone = [step for step in training.steps if step.role == role][: len(first)]
            assert all(torch.equal(a.gradient, b.gradient) for a, b in zip(first, alone, strict=True))
