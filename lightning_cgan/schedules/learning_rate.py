"""Schedules as pure functions of the generator update."""

from math import cos, exp, pi


def linear_decay(update: int, start: int, end: int) -> float:
    """The factor on the learning rate: 1 until ``start``, then straight down to 0 at ``end``."""
    if update <= start:
        return 1.0
    return max(0.0, (end - update) / (end - start))


def constant(update: int, end: int) -> float:
    """A learning rate that stays as it is. ``end`` is the length of the run."""
    return 1.0


def falling(update: int, end: int) -> float:
    """A learning rate that falls in a straight line from the first update to 0 at the last."""
    return linear_decay(update, 0, end)


def falling_in_second_half(update: int, end: int) -> float:
    """A learning rate that is constant for half of the run and then falls in a straight line to 0."""
    return linear_decay(update, end // 2, end)


def falling_in_last_third(update: int, end: int) -> float:
    """A learning rate that is constant for two thirds of the run and then falls in a straight line to 0."""
    return linear_decay(update, 2 * end // 3, end)


def falling_in_last_ninth(update: int, end: int) -> float:
    """A learning rate that falls in a straight line to 0 over the last ninth. Miyato & Koyama 2018 for ImageNet."""
    return linear_decay(update, 8 * end // 9, end)


def a_tenth_in_second_half(update: int, end: int) -> float:
    """A learning rate that is divided by ten after half of the run. Ledig et al. 2017 for SRGAN."""
    return 1.0 if update < end / 2 else 0.1


def cosine(update: int, end: int) -> float:
    """A learning rate that falls to 0 along half a cosine. Loshchilov & Hutter 2017, without restarts."""
    return (1 + cos(pi * min(update / end, 1.0))) / 2


def geometric(update: int, end: int, factor: float = 1.000004, floor: float = 1e-5) -> float:
    """A learning rate divided by ``factor`` each update, down to ``floor`` of it. As Goodfellow et al. 2014."""
    return max(factor**-update, floor)


def geometric_faster(update: int, end: int) -> float:
    """As :func:`geometric`, divided by 1.00004: what Mirza & Osindero 2014 print."""
    return geometric(update, end, factor=1.00004)


def ramp(update: int, first: float, last: float, updates: int) -> float:
    """From ``first`` to ``last`` in a straight line over ``updates``, then constant."""
    return first + (last - first) * min(update / updates, 1.0)


def rampup(done: float, length: float) -> float:
    """A learning rate that rises from 0.7 % to 1 as exp(-5 (1 - done / length)^2). As Laine & Aila 2017."""
    return exp(-5 * (1 - done / length) ** 2) if done < length else 1.0
