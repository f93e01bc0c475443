"""A smoke run, ``trainer.fast_dev_run``, has a folder of its own beside that of the run, and counts as nothing."""

import shutil
from pathlib import Path

from lightning.pytorch.utilities import rank_zero_only

from lightning_cgan.runs.checkpoint_files import LAST


def smoke_folder(folder: str) -> str:
    """Where the smoke runs of the run in ``folder`` write."""
    return f"{folder}.smoke"


@rank_zero_only
def clear(folder: str) -> None:
    """A smoke run always begins anew."""
    shutil.rmtree(smoke_folder(folder), ignore_errors=True)


def with_checkpoint(folder: str) -> str:
    """The folder whose checkpoint a smoke test reads: the run's, and that of its last smoke run where it has none."""
    return folder if Path(folder, LAST).is_file() else smoke_folder(folder)
