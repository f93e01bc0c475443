"""What is kept between runs because it takes long to compute: in ``$LIGHTNING_CGAN_CACHE``, or the user's cache."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4


def cache_folder() -> Path:
    """Where it is kept: ``lightning_cgan`` in the user's cache folder, unless told otherwise."""
    if chosen := os.environ.get("LIGHTNING_CGAN_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lightning_cgan"


def cached(key: str, compute: Callable[[], str]) -> str:
    """``compute()``, which ``key`` determines, or what it gave before."""
    path = cache_folder() / "hashes" / key
    with suppress(OSError):
        if said := path.read_text():
            return said
    said = compute()
    with suppress(OSError):  # keeping it only saves time
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{key}.{uuid4().hex}.partial")
        partial.write_text(said)
        os.replace(partial, path)
    return said
