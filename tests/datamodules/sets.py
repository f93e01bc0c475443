"""Tiny data sets on disk, in the formats of the real ones. Each writer returns the root it was given."""

import pickle
import struct

import numpy as np
from PIL import Image
from scipy.io import savemat
from torchvision import datasets

from datamodules.torchvision_sets.celeba import ATTRIBUTES


def random_bytes(seed, *shape):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def write_cifar(root, monkeypatch, kind, count=60):
    """CIFAR's pickled batches with ``count`` random images in each part, under names without a checksum."""
    archive = getattr(datasets, kind)
    folder = root / archive.base_folder
    folder.mkdir(parents=True)
    classes = 100 if kind == "CIFAR100" else 10
    key = "fine_labels" if kind == "CIFAR100" else "labels"
    count = max(count, 2 * classes)
    for number, name in enumerate(("train", "test")):
        content = {"data": random_bytes(number, count, 3072), key: [place % classes for place in range(count)]}
        (folder / name).write_bytes(pickle.dumps(content))
        monkeypatch.setattr(archive, f"{name}_list", [[name, None]])
    (folder / "meta").write_bytes(pickle.dumps({archive.meta["key"]: [str(c) for c in range(classes)]}))
    monkeypatch.setattr(archive, "meta", {**archive.meta, "filename": "meta", "md5": None})
    return root


def write_mnist(root, kind="MNIST", count=40):
    """The four idx files of MNIST or FashionMNIST, ``count`` random images in each part."""
    folder = root / kind / "raw"
    folder.mkdir(parents=True)
    label = (np.arange(count) % 10).astype(np.uint8)
    for seed, part in enumerate(("train", "t10k")):
        image = random_bytes(seed, count, 28, 28)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(struct.pack(">4i", 0x803, *image.shape) + image.tobytes())
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 0x801, count) + label.tobytes())
    return root


def write_svhn(root, monkeypatch, count=40):
    """SVHN's three Matlab files, in which the digit 0 has the label 10, without checksums."""
    root.mkdir(parents=True, exist_ok=True)
    label = (np.arange(count) % 10 + 1).astype(np.uint8)[:, None]
    for seed, part in enumerate(("train", "test", "extra")):
        savemat(root / f"{part}_32x32.mat", {"X": random_bytes(seed, 32, 32, 3, count), "y": label})
    parts = {part: [url, name, None] for part, (url, name, _) in datasets.SVHN.split_list.items()}
    monkeypatch.setattr(datasets.SVHN, "split_list", parts)
    return root


def write_stl10(root, monkeypatch, count=40, unlabelled=60):
    """STL-10's binary files, column by column and with labels from 1, without checksums."""
    folder = root / "stl10_binary"
    folder.mkdir(parents=True)
    label = (np.arange(count) % 10 + 1).astype(np.uint8)
    for seed, (part, number) in enumerate({"train": count, "test": count, "unlabeled": unlabelled}.items()):
        (folder / f"{part}_X.bin").write_bytes(random_bytes(seed, number, 3, 96, 96).tobytes())
        (folder / f"{part}_y.bin").write_bytes(label.tobytes())
    for name in ("train_list", "test_list"):
        monkeypatch.setattr(datasets.STL10, name, [[file, None] for file, _ in getattr(datasets.STL10, name)])
    return root


def write_celeba(root, count=40):
    """CelebA's folder with ``count`` pictures, of which a fifth each select and test.

    Picture n has the attribute Smiling if n is odd, Male if n // 2 is odd, and no other.
    """
    folder = root / "celeba"
    (folder / "img_align_celeba").mkdir(parents=True)
    names = [f"{number:06d}.jpg" for number in range(1, count + 1)]
    attributes, partition = [str(count), " ".join(ATTRIBUTES) + " "], []
    for number, name in enumerate(names):
        Image.fromarray(random_bytes(number, 218, 178, 3)).save(folder / "img_align_celeba" / name)
        has = {"Smiling": number % 2, "Male": number // 2 % 2}
        attributes.append(name + "".join("  1" if has.get(each) else " -1" for each in ATTRIBUTES))
        partition.append(f"{name} {max(0, number * 5 // count - 2)}")
    (folder / "list_attr_celeba.txt").write_text("\n".join(attributes) + "\n")
    (folder / "list_eval_partition.txt").write_text("\n".join(partition) + "\n")
    return root


def write_folders(root, classes=3, count=4, splits=("train", "val")):
    """``root/train`` and ``root/val`` with a folder of JPEGs for each class, none of them square."""
    rng = np.random.default_rng(0)
    for split in splits:
        for name in range(classes):
            folder = root / split / f"n{name:08d}"
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 256, (40, 60 + number, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.JPEG")
    return root


def write_pictures(root, count=20):
    """``root`` with ``count`` JPEGs at two depths, as an unlabelled set has them."""
    for number in range(count):
        folder = root / "more" if number % 2 else root
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random_bytes(number, 40, 50, 3)).save(folder / f"{number:05d}.jpg")
    return root


def write_pairs(root, counts=None, way="joined", size=(24, 20), palette=None, ending="png"):
    """Pairs in ``root/train`` and so on, of which b is the negative of a, or a label map in the colours of ``palette``.

    Args:
        root: of the set.
        counts: of pairs in each split.
        way: "joined" puts a and b side by side in one file; "train/A", "trainA" and "A/train" in two folders.
        size: width and height of each picture.
        palette: (K, 3) colours.
        ending: of the files.
    """
    for split, count in (counts or {"train": 6, "val": 2, "test": 2}).items():
        for number in range(count):
            a = random_bytes([len(split), number], size[1], size[0], 3)
            b = 255 - a if palette is None else np.array(palette, np.uint8)[a[..., 0] % len(palette)]
            if way == "joined":
                put_picture(root / split / f"{number}.{ending}", np.concatenate([a, b], 1))
            else:
                put_picture(root / way.replace("train", split) / f"{number}.{ending}", a)
                put_picture(root / way.replace("train", split).replace("A", "B") / f"{number}.png", b)
    return root


def write_unpaired(root, counts=None, size=(24, 20)):
    """``root/trainA``, ``root/trainB`` and so on with random pictures, so many of a and of b in each split."""
    for split, each in (counts or {"train": (6, 4), "test": (3, 2)}).items():
        for side, count in zip("AB", each, strict=True):
            for number in range(count):
                pixels = random_bytes([len(split), ord(side), number], size[1], size[0], 3)
                put_picture(root / f"{split}{side}" / f"{side}{number}.png", pixels)
    return root


def write_high_resolution(root, counts=None, size=(50, 42)):
    """``root/train`` and so on with random pictures of slightly different sizes."""
    for split, count in (counts or {"train": 6, "val": 2, "test": 2}).items():
        for number in range(count):
            pixels = random_bytes([len(split), number], size[1] + number, size[0], 3)
            put_picture(root / split / f"{number:04d}.png", pixels)
    return root


def put_picture(path, pixels):
    """(H, W) or (H, W, 3) uint8 as a picture file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path
