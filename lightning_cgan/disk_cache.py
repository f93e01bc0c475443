"""Disk cache for results that take long to compute, in ``$LIGHTNING_CGAN_CACHE`` or the user's cache folder."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4


def cache_folder() -> Path:
    """``$LIGHTNING_CGAN_CACHE``, else ``lightning_cgan`` in ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    if chosen := os.environ.get("LIGHTNING_CGAN_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lightning_cgan"


def cached(key: str, compute: Callable[[], str]) -> str:
    """``compute()``, or its cached result under ``key``, which must determine the result.

    An unreadable or unwritable cache is ignored.
    """
    path = cache_folder() / "hashes" / key
    with suppress(OSError):
        if text := path.read_text():
            return text
    text = compute()
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{key}.{uuid4().hex}.partial")
        partial.write_text(text)
        os.replace(partial, path)
    return text
