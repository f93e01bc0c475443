"""Learning-rate schedules: functions of (generator update, updates in the run) to a factor on the learning rate."""

from math import cos, exp, pi

from lightning_cgan.errors import UserError


def linear_decay(update: int, start: int, end: int) -> float:
    """Factor 1 until update ``start``, then linear decay to 0 at update ``end``."""
    if update <= start:
        return 1.0
    return max(0.0, (end - update) / (end - start))


def constant(update: int, end: int) -> float:
    """Factor 1 throughout. ``end`` is the number of updates in the run."""
    return 1.0


class ConstantThenLinear:
    """Factor 1 at first, then linear decay to 0 at the end of the run.

    Args:
        start: start of the decay: a number of updates (int), or a share of the run from 0 to 1 (float).

    Raises:
        UserError: for a start below 0, or a share above 1.
    """

    def __init__(self, start: int | float = 0.5) -> None:
        if start < 0 or (isinstance(start, float) and start > 1):
            raise UserError(
                f"The decay starts after a number of updates, 0 or more, or a share of the run from 0.0 to 1.0; "
                f"got {start}. Set model.init_args.schedule.init_args.start."
            )
        self.start = start

    def __call__(self, update: int, end: int) -> float:
        start = int(self.start * end) if isinstance(self.start, float) else self.start
        return linear_decay(update, start, end)


class StepDecay:
    """Factor 1 at first, then ``factor``. Ledig et al. 2017 for SRGAN: a tenth after half of the run.

    Args:
        at: the share of the run, from 0 to 1, after which the factor applies.
        factor: on the learning rate.
    """

    def __init__(self, at: float = 0.5, factor: float = 0.1) -> None:
        self.at, self.factor = at, factor

    def __call__(self, update: int, end: int) -> float:
        return 1.0 if update < end * self.at else self.factor


class ExponentialDecay:
    """The learning rate is divided by ``factor`` at each update, down to ``floor`` times the initial one.

    Args:
        factor: 1.000004 in the code of Goodfellow et al. 2014; Mirza & Osindero 2014 print 1.00004.
        floor: lower bound of the factor on the learning rate.
    """

    def __init__(self, factor: float = 1.000004, floor: float = 1e-5) -> None:
        self.factor, self.floor = factor, floor

    def __call__(self, update: int, end: int) -> float:
        return max(self.factor**-update, self.floor)


def cosine(update: int, end: int) -> float:
    """Half a cosine from 1 to 0. Loshchilov & Hutter 2017, without restarts."""
    return (1 + cos(pi * min(update / end, 1.0))) / 2


def ramp(update: int, first: float, last: float, updates: int) -> float:
    """Linear from ``first`` to ``last`` over ``updates``, then constant."""
    return first + (last - first) * min(update / updates, 1.0)


def rampup(done: float, length: float) -> float:
    """A factor that rises from 0.007 to 1 as exp(-5 (1 - done / length)^2). Laine & Aila 2017."""
    return exp(-5 * (1 - done / length) ** 2) if done < length else 1.0
