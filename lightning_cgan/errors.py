"""The errors that the command line tells without a trace."""


class UserError(ValueError):
    """Says in plain words the rule, what was got, and which key or file to change; the command line prints no trace."""


class NonFiniteError(ArithmeticError):
    """Training has come to NaN or infinity. What holds it was neither applied nor saved; the command line exits with 3.

    Args:
        told: what was found, where.
        **found: the same for a program: plain numbers and names.
    """

    def __init__(self, told: str, **found: float | str) -> None:
        super().__init__(told)
        self.found = found
        self.__notes__: list[str] = []  # what ``add_note`` appends to
