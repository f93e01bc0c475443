"""Folders of smoke runs (``trainer.fast_dev_run``): the run folder's name with ``.smoke``."""

import shutil
from pathlib import Path

from lightning.pytorch.utilities import rank_zero_only

from lightning_cgan.runs.checkpoint_files import LAST


def smoke_folder(folder: str) -> str:
    """The folder of the smoke run of ``folder``."""
    return f"{folder}.smoke"


@rank_zero_only
def clear(folder: str) -> None:
    """Remove the files of an earlier smoke run."""
    shutil.rmtree(smoke_folder(folder), ignore_errors=True)


def with_checkpoint(folder: str) -> str:
    """The folder whose checkpoint a smoke test reads: the run folder, or its smoke folder if that has no checkpoint."""
    return folder if Path(folder, LAST).is_file() else smoke_folder(folder)
