"""Console output for the user."""

from contextlib import suppress

from lightning.pytorch.utilities import rank_zero_only


@rank_zero_only
def info(line: str) -> None:
    """Print ``line`` from the first process only, without buffering.

    If it cannot be written, for example to a file on a full disk, the line is dropped and work continues.
    """
    with suppress(OSError):
        print(line, flush=True)
