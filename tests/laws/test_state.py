"""An update is a function of (state, batch, seed, update, rank) and nothing else; a checkpoint holds the state."""

import random

import numpy as np
import pytest
import torch

from lightning_cgan.papers.kinds import Generating
from tests.conftest import same
from tests.laws.subjects import CASES, Training, first_of_each, names, option

EACH = first_of_each(CASES)
SAVED = [*dict.fromkeys([*EACH, *names(lambda name: option(name, "pool_size", 50) < 5)])]


def disturb_randomness(seed=99):
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)


def deciding(saved):
    """What decides the next update."""
    parts = {"state_dict", "optimizer_states", "lr_schedulers", "global_step", "pools"}
    return {part: value for part, value in saved.items() if part in parts}


@pytest.mark.parametrize("name", SAVED)
def test_a_run_from_a_checkpoint_takes_the_next_update_to_the_same_bits_whatever_happened_before(name, tmp_path):
    whole = Training(name, double=False)
    for _ in range(2):
        whole.update()
    whole.trainer.save_checkpoint(tmp_path / "two.ckpt")
    whole.update()
    disturb_randomness()
    resumed = Training(name, double=False, checkpoint=tmp_path / "two.ckpt")
    disturb_randomness()
    resumed.update()
    assert same(whole.logged[-1], resumed.logged[-1])
    assert same(deciding(whole.saved()), deciding(resumed.saved()))


def updated(name, *, rank=0, update=0):
    """The first update of a case, in a process and under a number of its own."""
    training = Training(name, double=False, rank=rank)
    training.trainer.fit_loop.epoch_loop.manual_optimization.optim_step_progress.total.completed = update
    training.update(CASES[name].batches[0])
    return training


@pytest.mark.parametrize("name", EACH)
def test_another_seed_update_or_process_draws_other_numbers_where_a_paper_draws_any(name, monkeypatch):
    usual = updated(name)
    others = {"rank": updated(name, rank=1), "update": updated(name, update=5)}
    monkeypatch.setenv("PL_GLOBAL_SEED", "1")
    others["seed"] = updated(name)
    assert usual.drew or not issubclass(CASES[name].model.func, Generating)
    for circumstance, other in others.items():
        assert same(usual.logged, other.logged) != usual.drew, circumstance
