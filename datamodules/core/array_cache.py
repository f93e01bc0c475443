"""A disk cache of NumPy arrays that take long to compute."""

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


def cached_arrays(name: str, compute: Callable[[], Arrays]) -> Arrays:
    """The arrays of an earlier ``compute()`` under the same ``name``, or else computed now and stored.

    A file that cannot be read is written again.

    Args:
        name: path in :func:`~lightning_cgan.disk_cache.cache_folder` without ending; it determines the content.
        compute: returns arrays by name.
    """
    path = cache_folder() / f"{name}.npz"
    with suppress(*BROKEN), np.load(path) as file:
        return {key: file[key] for key in file.files}
    arrays = compute()
    with suppress(OSError):  # storing them only saves time
        write(path, arrays)
    return arrays


def write(path: Path, arrays: Arrays) -> None:
    """Write ``arrays`` beside ``path`` and rename, so that a reader never sees part of a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{uuid4().hex}.partial")
    try:
        with partial.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
