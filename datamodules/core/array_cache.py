"""Arrays that take long to compute, kept in a file between runs."""

import os
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from lightning_cgan.disk_cache import cache_folder

Arrays = dict[str, NDArray]
BROKEN = OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error


def kept_arrays(name: str, compute: Callable[[], Arrays]) -> Arrays:
    """``compute()``, which ``name`` determines, or what it gave before; a file that cannot be read is written again.

    Args:
        name: of the file in :func:`~lightning_cgan.disk_cache.cache_folder`, which may name folders, without ending.
        compute: gives arrays by name.
    """
    path = cache_folder() / f"{name}.npz"
    with suppress(*BROKEN), np.load(path) as file:
        return {key: file[key] for key in file.files}
    arrays = compute()
    with suppress(OSError):  # keeping them only saves time
        keep(path, arrays)
    return arrays


def keep(path: Path, arrays: Arrays) -> None:
    """Write ``arrays`` beside ``path`` and rename: whoever reads meanwhile finds the whole file, or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{uuid4().hex}.partial")
    try:
        with partial.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
