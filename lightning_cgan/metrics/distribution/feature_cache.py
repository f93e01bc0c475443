"""Disk cache of the features of real images: computed once for a set of images and an extractor, shared by runs.

Files are in ``$LIGHTNING_CGAN_CACHE``, else in ``lightning_cgan`` in the user's cache folder. A file name is a hash of
everything that the content depends on, and the file holds a hash of its content; damaged files are computed again.
"""

import hashlib
import json
import os
import warnings
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save_file
from torch import Tensor

from lightning_cgan.batches import Reference
from lightning_cgan.disk_cache import cache_folder
from lightning_cgan.extractors.extractors import Extractor


def path_of(images: Reference, extractor: Extractor, device: torch.device) -> Path:
    """The file for the features of these images by this extractor on this kind of device."""
    what = {
        "images": images.sha256,
        "extractor": [extractor.name, extractor.resize, extractor.sha256],
        "device": device.type,
        "torch": torch.__version__.partition("+")[0],
    }
    name = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()
    return cache_folder() / f"{name}.safetensors"


def read_features(path: Path, images: int) -> Tensor | None:
    """(images, F) float32 as written; None if the file is missing, damaged or has another number of images."""
    try:
        content = path.read_bytes()  # at once: safe_open opens a file twice, and another process may replace it
        features = load(content)["features"]
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    except (OSError, SafetensorError, ValueError, KeyError):
        return None
    stored_hash = header.get("__metadata__", {}).get("sha256")
    return features if len(features) == images and stored_hash == content_hash(features) else None


def write_features(path: Path, features: Tensor) -> None:
    """Write (N, F) features atomically; if two processes write at once, either may win.

    A file that cannot be written is only a warning, because the cache only saves time.
    """
    partial = path.with_name(f"{path.name}.{uuid4().hex}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({"features": features.contiguous()}, partial, {"sha256": content_hash(features)})
        os.replace(partial, path)
    except (OSError, SafetensorError) as cause:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        warnings.warn(f"Features of real images cannot be cached in {path.parent}: {cause}.", stacklevel=2)


def content_hash(features: Tensor) -> str:
    """The hash of the values."""
    return hashlib.sha256(features.contiguous().numpy().data).hexdigest()
