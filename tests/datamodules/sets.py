"""Tiny data sets on disk, in the formats of the real ones."""

import pickle

import numpy as np
from PIL import Image
from torchvision import datasets


def write_cifar(root, monkeypatch, kind, count=60):
    """CIFAR's pickled batches with ``count`` random images in each part, under names without a checksum."""
    archive = getattr(datasets, kind)
    folder = root / archive.base_folder
    folder.mkdir(parents=True)
    classes = 100 if kind == "CIFAR100" else 10
    key = "fine_labels" if kind == "CIFAR100" else "labels"
    count = max(count, 2 * classes)
    for number, name in enumerate(("train", "test")):
        pixels = np.random.default_rng(number).integers(0, 256, (count, 3072), dtype=np.uint8)
        content = {"data": pixels, key: [place % classes for place in range(count)]}
        (folder / name).write_bytes(pickle.dumps(content))
        monkeypatch.setattr(archive, f"{name}_list", [[name, None]])
    (folder / "meta").write_bytes(pickle.dumps({archive.meta["key"]: [str(c) for c in range(classes)]}))
    monkeypatch.setattr(archive, "meta", {**archive.meta, "filename": "meta", "md5": None})
    return root


def write_folders(root, classes=3, count=4):
    """``root/train`` and ``root/val`` with a folder of JPEGs for each class, none of them square."""
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for name in range(classes):
            folder = root / split / f"n{name:08d}"
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 256, (40, 60 + number, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.JPEG")
    return root
