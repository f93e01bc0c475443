"""A moving average follows its formula at every update, and is what the evaluation uses."""

import pytest
import torch
from torch.optim.swa_utils import AveragedModel

from tests.laws.subjects import CASES, Training, descending, distinct, first_of_each, names, option, takes, trace

DECAY = 0.75
AVERAGED = names(lambda name: takes("ema_decay")(name) and option(name, "ema_decay") is not None)


@pytest.mark.parametrize("name", [*first_of_each(AVERAGED), *first_of_each(reversed(AVERAGED))])
def test_an_average_is_that_of_the_weights_after_each_update(name):
    training = Training(name, ema_decay=DECAY, **descending(name, distinct(name)))
    paper = training.paper
    ((role, average),) = [pair for pair in paper.evaluated_networks().items() if isinstance(pair[1], AveragedModel)]
    network, expected = paper.get_submodule(role), None
    start = [weight.clone() for weight in average.module.parameters()]
    for _ in range(3):
        training.update()
        now = [weight.detach().clone() for weight in network.parameters()]
        pairs = zip(expected or now, now, strict=True)
        expected = [torch.lerp(before, weight, 1 - DECAY) for before, weight in pairs]
        assert all(torch.allclose(a, b, rtol=1e-12) for a, b in zip(expected, average.module.parameters(), strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(start, average.module.parameters(), strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(now, average.module.parameters(), strict=True))


def test_every_paper_with_an_average_lets_its_decay_be_chosen():
    for name in first_of_each(CASES):
        averages = [one for one in trace(name).paper.children() if isinstance(one, AveragedModel)]
        assert bool(averages) == (name in AVERAGED)
