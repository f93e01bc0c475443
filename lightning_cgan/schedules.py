"""Learning-rate schedules as pure functions of the generator update."""


def linear_decay(update: int, start: int, end: int) -> float:
    """The factor on the learning rate: 1 until ``start``, then straight down to 0 at ``end``."""
    if update <= start:
        return 1.0
    return max(0.0, (end - update) / (end - start))
