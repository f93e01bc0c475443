"""The error of a mistake that the user can mend."""


class UserError(ValueError):
    """Says in plain words the rule, what was got, and which key or file to change; the command line prints no trace."""
