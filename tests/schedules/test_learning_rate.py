import pytest

from lightning_cgan.errors import UserError
from lightning_cgan.schedules.learning_rate import (
    ConstantThenLinear,
    ExponentialDecay,
    StepDecay,
    cosine,
    linear_decay,
    rampup,
)


@pytest.mark.parametrize(("update", "factor"), [(0, 1), (400_000, 1), (425_000, 0.5), (450_000, 0), (460_000, 0)])
def test_decay_is_flat_then_straight_to_zero(update, factor):
    assert linear_decay(update, start=400_000, end=450_000) == factor


def test_decay_from_the_first_update():
    assert [linear_decay(update, 0, 4) for update in range(5)] == [1, 0.75, 0.5, 0.25, 0]


@pytest.mark.parametrize("start", [400, 0.5])
def test_a_decay_starts_after_a_number_of_updates_or_a_share_of_the_run(start):
    end = 800
    schedule = ConstantThenLinear(start)
    assert [schedule(update, end) for update in (0, 400, 600, 800, 900)] == [1, 1, 0.5, 0, 0]


@pytest.mark.parametrize("end", [1, 2, 7, 12, 1001, 450_000])
def test_a_half_of_a_run_is_rounded_down(end):
    assert all(ConstantThenLinear()(update, end) == linear_decay(update, end // 2, end) for update in range(12))


def test_one_is_an_update_and_one_point_nothing_is_the_whole_run():
    assert ConstantThenLinear(1)(5, 9) == 0.5
    assert ConstantThenLinear(1.0)(8, 9) == 1


@pytest.mark.parametrize("start", [-1, -0.5, 1.5])
def test_a_start_outside_of_the_run_is_refused(start):
    with pytest.raises(UserError, match=rf"a share of the run from 0.0 to 1.0; got {start}. Set .*init_args.start"):
        ConstantThenLinear(start)


def test_a_decay_by_a_factor_ends_at_its_floor():
    schedule = ExponentialDecay(factor=1.25, floor=0.1)
    assert [schedule(update, 9) for update in (0, 1, 2, 99)] == [1, 1.25**-1, 1.25**-2, 0.1]


def test_a_rate_rises_from_almost_nothing_to_one():
    rates = [rampup(kimg, 40) for kimg in (0, 10, 20, 39, 40, 1000)]
    assert rates == sorted(rates)
    assert rates[0] == pytest.approx(0.006737947)
    assert rates[2] == pytest.approx(0.2865047969)
    assert rates[-2:] == [1, 1]
    assert rampup(0, 0) == 1


def test_a_tenth_is_left_in_the_second_half():
    assert [StepDecay()(update, 10) for update in (0, 4, 5, 10)] == [1, 1, 0.1, 0.1]


def test_a_cosine_falls_from_one_over_a_half_to_nothing_and_stays_there():
    factors = [cosine(update, 100) for update in (0, 25, 50, 75, 100, 101)]
    assert factors == pytest.approx([1, (1 + 0.5**0.5) / 2, 0.5, (1 - 0.5**0.5) / 2, 0, 0])
