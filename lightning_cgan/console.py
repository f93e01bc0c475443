"""What a command prints to the user."""

from lightning.pytorch.utilities import rank_zero_only


@rank_zero_only
def say(line: str) -> None:
    """One line to the user, from the first process only, at once also where the output is a file."""
    print(line, flush=True)
