"""Sizes and scales that must be powers of two."""

from lightning_cgan.errors import UserError


def exponent_of_two(value: int, least: int, rule: str, remedy: str) -> int:
    """The n of ``value`` = 2^n, of at least ``least``.

    Args:
        rule: start of the message, which values are valid and why.
        remedy: end of the message, what to set.

    Raises:
        UserError: for another value.
    """
    if value < least or value & (value - 1):
        raise UserError(f"{rule}; got {value}. {remedy}")
    return value.bit_length() - 1
