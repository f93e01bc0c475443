"""What a command prints to the user."""

from contextlib import suppress

from lightning.pytorch.utilities import rank_zero_only


@rank_zero_only
def info(line: str) -> None:
    """One line to the user, from the first process only, at once also where the output is a file.

    Where nothing can be written any more, as to a file on a full disk, the line is lost and the work goes on.
    """
    with suppress(OSError):
        print(line, flush=True)
