"""Features of real images, kept on disk: computed once for a set of images and an extractor, shared by runs.

They lie in ``$LIGHTNING_CGAN_CACHE``, else in ``lightning_cgan`` under the user's cache folder. A file's name is a hash
of all that its content depends on, and the file holds a hash of its content: what does not verify is computed again.
"""

import hashlib
import json
import os
import warnings
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from lightning_cgan.batches import Reference
from lightning_cgan.disk_cache import cache_folder
from lightning_cgan.extractors.extractors import Extractor


def path_of(images: Reference, extractor: Extractor, device: torch.device) -> Path:
    """The file for these images, seen by this extractor on this kind of device."""
    what = {
        "images": images.sha256,
        "extractor": [extractor.name, extractor.resize, extractor.sha256],
        "device": device.type,
        "torch": torch.__version__.partition("+")[0],
    }
    name = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()
    return cache_folder() / f"{name}.safetensors"


def read_features(path: Path, images: int) -> Tensor | None:
    """(images, F) float32 as they were written, or None where there are none, or others, or damaged ones."""
    try:
        with safe_open(path, "pt") as file:
            features, told = file.get_tensor("features"), (file.metadata() or {}).get("sha256")
    except (OSError, SafetensorError):
        return None
    return features if len(features) == images and told == content_hash(features) else None


def write_features(path: Path, features: Tensor) -> None:
    """Put (N, F) features there, whole or not at all; of two processes that do so at once either may be the last.

    Where they cannot be written, a warning says so: they only save time.
    """
    partial = path.with_name(f"{path.name}.{uuid4().hex}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({"features": features.contiguous()}, partial, {"sha256": content_hash(features)})
        os.replace(partial, path)
    except (OSError, SafetensorError) as cause:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        warnings.warn(f"Features of real images cannot be kept in {path.parent}: {cause}.", stacklevel=2)


def content_hash(features: Tensor) -> str:
    """Of the numbers alone."""
    return hashlib.sha256(features.contiguous().numpy().data).hexdigest()
