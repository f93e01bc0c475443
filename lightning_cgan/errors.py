"""Exceptions that the command line reports without a traceback."""


class UserError(ValueError):
    """A mistake of the user; the message states the rule, what was got, and which key or file to change."""


class NonFiniteError(ArithmeticError):
    """NaN or infinity in training; it was neither applied nor saved. The command line exits with status 3.

    Args:
        message: what is not finite, and where.
        **found: the same as plain numbers and names.
    """

    def __init__(self, message: str, **found: float | str) -> None:
        super().__init__(message)
        self.found = found
        self.__notes__: list[str] = []  # what ``add_note`` appends to
