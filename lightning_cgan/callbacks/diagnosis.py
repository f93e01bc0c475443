"""What the signals of a run mean: a pure function of their history, so that a run's log can be judged again."""

from collections.abc import Sequence
from typing import NamedTuple

Check = dict[str, float]  # the scalars of one look at a run by the names under which they are logged

REMEMBERED = 20  # looks


class Warned(NamedTuple):
    """A trouble that has begun."""

    signal: str
    message: str


def judge(history: Sequence[Check]) -> list[Warned]:
    return []
