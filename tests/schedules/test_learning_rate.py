import pytest

from lightning_cgan.schedules.learning_rate import (
    a_tenth_in_second_half,
    cosine,
    falling_in_last_ninth,
    linear_decay,
    rampup,
)


@pytest.mark.parametrize(("update", "factor"), [(0, 1), (400_000, 1), (425_000, 0.5), (450_000, 0), (460_000, 0)])
def test_decay_is_flat_then_straight_to_zero(update, factor):
    assert linear_decay(update, start=400_000, end=450_000) == factor


def test_decay_from_the_first_update():
    assert [linear_decay(update, 0, 4) for update in range(5)] == [1, 0.75, 0.5, 0.25, 0]


def test_the_last_ninth_of_450_000_updates_are_50_000():
    assert [falling_in_last_ninth(update, 450_000) for update in (0, 400_000, 425_000, 450_000)] == [1, 1, 0.5, 0]


def test_a_rate_rises_from_almost_nothing_to_one():
    rates = [rampup(kimg, 40) for kimg in (0, 10, 20, 39, 40, 1000)]
    assert rates == sorted(rates)
    assert rates[0] == pytest.approx(0.006737947)
    assert rates[2] == pytest.approx(0.2865047969)
    assert rates[-2:] == [1, 1]
    assert rampup(0, 0) == 1


def test_a_tenth_is_left_in_the_second_half():
    assert [a_tenth_in_second_half(update, 10) for update in (0, 4, 5, 10)] == [1, 1, 0.1, 0.1]


def test_a_cosine_falls_from_one_over_a_half_to_nothing_and_stays_there():
    factors = [cosine(update, 100) for update in (0, 25, 50, 75, 100, 101)]
    assert factors == pytest.approx([1, (1 + 0.5**0.5) / 2, 0.5, (1 - 0.5**0.5) / 2, 0, 0])
