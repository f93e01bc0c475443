"""The judgement of signals, on histories made up for it."""

import pytest

from lightning_cgan.callbacks.diagnosis import KEPT, check_health

FINE = {
    "train/loss_d": 1.2, "train/loss_g": 0.9, "train/d_real": 0.4, "train/d_fake": -0.5, "health/grad_norm_g": 1.0,
    "health/grad_norm_d": 2.0, "health/variance": 0.9, "health/variance_class_0": 0.5, "health/variance_class_1": 0.4,
}  # fmt: skip


def told(history):
    """What is warned of at each look: (its number, the signal)."""
    return [(n, found.signal) for n in range(1, len(history) + 1) for found in check_health(history[:n])]


def now(**signals):
    """The last message of a run that was fine and then shows ``signals`` for five looks."""
    changed = FINE | {name.replace("__", "/"): value for name, value in signals.items()}
    history = [FINE] * 4 + [changed] * 5
    return [found.message for n in range(1, 10) for found in check_health(history[:n])]


def test_nothing_is_said_of_a_run_that_is_fine_or_logs_nothing():
    assert told([FINE] * 30) == []
    assert told([{}] * 30) == []


@pytest.mark.parametrize(
    ("change", "look", "signal"),
    [
        ({"health/variance": 0.019}, 3, "collapse"),
        ({"health/variance_class_1": 0.019}, 3, "class collapse"),
        ({"train/loss_d": 0.009, "train/d_real": 6, "train/d_fake": -6}, 5, "D has won"),
        ({"train/loss_d": 0.4, "train/d_real": 6, "train/d_fake": -6}, 5, "D has won"),  # with a class loss in it
        ({"train/loss_g": float("nan")}, 1, "divergence"),
        ({"health/grad_norm_d": float("inf")}, 1, "divergence"),
        ({"health/variance": float("nan")}, 1, "divergence"),
        ({"train/loss_d": -2e7}, 1, "divergence"),
        ({"health/grad_norm_g": 1500.0}, 1, "divergence"),
        ({"health/variance": 2000.0}, 1, "divergence"),
        ({"health/grad_norm_g": 0.0}, 3, "divergence"),
    ],
)
def test_a_trouble_is_said_once_when_it_has_lasted_and_again_after_it_has_passed(change, look, signal):
    bad = FINE | change
    began = 4 + look
    assert told([FINE] * 4 + [bad] * 9) == [(began, signal)]
    passed = [FINE] * 4 + [bad] * look + [FINE] * 3
    assert told(passed + [bad] * look) == [(began, signal), (len(passed) + look, signal)]


def test_a_trouble_that_flickers_is_said_once():
    bad = FINE | {"train/loss_d": 1e8}
    assert told([FINE, bad, FINE, FINE, bad, FINE, bad, bad]) == [(2, "divergence")]


@pytest.mark.parametrize(
    "change",
    [
        {"health/variance": 0.03},
        {"health/variance_class_0": 0.03},
        {"train/loss_d": 0.02, "train/d_real": 4.9, "train/d_fake": -6},
        {"train/loss_d": -40.0, "train/d_real": 30, "train/d_fake": -10},  # a critic's
        {"train/loss_d": 900.0},
        {"health/grad_norm_ratio": 1e9},
    ],
)
def test_what_falls_short_of_a_threshold_is_no_trouble(change):
    assert told([FINE] * 4 + [FINE | change] * 9) == []


def test_a_short_lapse_is_no_collapse_and_no_victory():
    flat, sure = FINE | {"health/variance": 0.0}, FINE | {"train/loss_d": 0.0}
    assert told([FINE, flat, flat, FINE, sure, sure, sure, sure, FINE]) == []


def test_growth_is_measured_against_the_looks_before_once_there_are_some():
    jump = FINE | {"train/loss_g": 5000.0}
    assert told([FINE, FINE, jump]) == []
    assert told([FINE, FINE, FINE, jump]) == [(4, "divergence")]
    large = {"train/loss_d": 2e4}
    assert told([large] * 4 + [{"train/loss_d": 1e6}]) == []


def test_classes_are_named_the_worst_first_and_a_further_one_by_itself():
    third = FINE | {"health/variance_class_1": 0.011, "health/variance_class_7": 0.004}
    fourth = third | {"health/variance_class_0": 0.0}
    found = [check_health(([FINE] + [third] * 3 + [fourth] * 3)[:n]) for n in range(1, 8)]
    assert [len(one) for one in found] == [0, 0, 0, 1, 0, 0, 1]
    assert "of class 7 (0.4 %), 1 (1.1 %) hardly" in found[3][0].message
    assert "of class 0 (0 %) hardly" in found[6][0].message


def test_of_many_classes_five_are_named():
    many = {f"health/variance_class_{one}": 0.001 for one in range(20)}
    (found,) = check_health([many] * 10)
    assert "and 15 more" in found.message


def test_where_all_images_are_alike_classes_are_not_counted_out():
    flat = FINE | {"health/variance": 0.0, "health/variance_class_0": 0.0, "health/variance_class_1": 0.0}
    assert told([FINE] + [flat] * 5) == [(4, "collapse")]


def test_variance_that_has_never_been_there_may_come_late():
    for names in (["health/variance"], ["health/variance_class_0"]):
        slow = FINE | dict.fromkeys(names, 0.007)
        assert told([slow] * 9 + [FINE] * 9) == []
        assert told([slow] * 9 + [FINE] + [slow] * 3) == [(13, "collapse" if len(names[0]) == 15 else "class collapse")]
        assert [look for look, _ in told([slow] * 40)] == [10]


def test_messages_say_what_was_met_and_what_to_do():
    assert "variance 1.2 % of the real ones'): the generator has collapsed" in now(health__variance=0.012)[0]
    assert "train/loss_g is not a finite number: training has diverged" in now(train__loss_g=float("nan"))[0]
    assert "train/loss_d has grown to -3e+08" in now(train__loss_d=-3e8)[0]
    (won,) = now(train__loss_d=0.001, train__d_real=8.25, train__d_fake=-9.5)
    assert "(mean logits -9.5 and 8.25, at each of the last 5 checks): it has won" in won


def test_looks_older_than_those_kept_change_nothing():
    bad = FINE | {"train/loss_d": 1e8}
    for old in (FINE, bad, {}):
        history = [old] * 10 + [FINE] * KEPT
        assert check_health([*history[1:], bad]) == check_health([*history[-KEPT + 1 :], bad])
