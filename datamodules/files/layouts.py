"""The layouts of sets of two domains on disk: folders of splits, partners by name, and held-out splits."""

from bisect import bisect
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import torch

from datamodules.core.splits import held_out_by_name
from datamodules.files.decode import printable
from datamodules.files.image_files import Scan, class_folders, is_folder, name_below
from lightning_cgan.errors import UserError

NAMES = {"train": ("train",), "val": ("val", "valid"), "test": ("test",)}
TWO = ("{split}/{side}", "{split}{side}", "{side}/{split}")  # train/A, trainA, A/train
HELD_OUT = ("test", "val")
NEIGHBOURS = 30  # names before and after, among which the most similar one is searched

Folders = dict[str, tuple[Path, ...]]  # of each split that exists: one folder, or that of a and that of b


def two_folders(root: Path) -> Folders:
    """The splits below ``root`` that have a folder for each domain.

    Raises:
        UserError: if one of the two is missing.
    """
    found: Folders = {}
    for split, names in NAMES.items():
        for layout in TWO:
            for name in names:
                a, b = (root / layout.format(split=name, side=side) for side in "AB")
                if is_folder(a) != is_folder(b):
                    there, missing = (a, b) if a.is_dir() else (b, a)
                    raise UserError(
                        f"The two domains lie in two folders; got {printable(there)} without {printable(missing)}. "
                        "Add it, or set data.init_args.root."
                    )
                if a.is_dir():
                    found.setdefault(split, (a, b))
    return found


def one_folder(root: Path, names: dict[str, tuple[str, ...]] = NAMES) -> Folders:
    """The splits below ``root`` that have a folder."""
    there = {split: [root / name for name in each if is_folder(root / name)] for split, each in names.items()}
    return {split: (folders[0],) for split, folders in there.items() if folders}


def check_layout(root: Path, found: Folders, split: str, ways: str) -> None:
    """Refuse a ``root`` without the pictures of ``split``.

    Raises:
        UserError: if neither they nor training pictures to hold them out of are there, naming the ``ways`` they may
            lie in.
    """
    needed = home(split, found)
    if needed not in found:
        names = ", ".join(map(printable, class_folders(root))) or "no folder in it"
        got = f"{printable(root)} with {names}" if is_folder(root) else f"no folder {printable(root)}"
        raise UserError(f"The {needed} pictures lie in {ways}; got {got}. Set data.init_args.root.")


def home(split: str, found: Folders) -> str:
    """The split in whose folder the pictures of ``split`` lie.

    If folders of both ``val`` and ``test`` exist, each is its own home. If only one exists, ``test`` scores it, and
    "val" is held out of ``train``. If neither exists, both are held out.
    """
    if split in missing(found):
        return "train"
    return "val" if split == "test" and "test" not in found else split


def missing(found: Folders) -> tuple[str, ...]:
    """The splits that are held out of the training pictures."""
    return HELD_OUT[sum(split in found for split in HELD_OUT) :]


def described(split: str, found: Folders, share: float) -> str:
    """``split`` as the evaluation card names it, with the pictures that it consists of."""
    where = home(split, found)
    if where == split:
        return split
    held_out = f"held out by name, a share of about {share:g}"
    return f"{split} ({held_out if where == 'train' else f'the pictures of {where}'})"


def split_indices(paths: Sequence[str], split: str, found: Folders, share: float, folder: Path) -> list[int]:
    """The indices in ``paths``, the pictures in the ``folder`` that is home of ``split``, of those that belong to it.

    Raises:
        UserError: if there are too few to hold any out.
    """
    without, count = missing(found), len(paths)
    if home(split, found) != "train" or not without:
        return list(range(count))
    if count <= len(without):
        raise UserError(
            f"{' and '.join(without)} are held out of the training pictures, so at least "
            f"{len(without) + 1} are needed; {printable(folder)} has {count}. Set data.init_args.root."
        )
    names = [name_below(folder, path) for path in paths]
    return held_out_by_name(names, torch.zeros(count, dtype=torch.int64), without, share)[split]


def check_share(share: float) -> None:
    """Check a share of the training pictures to hold out.

    Raises:
        UserError: if it is not in (0, 1/3].
    """
    if not 0 < share <= 1 / 3:
        raise UserError(f"A share held out is more than 0 and at most 1/3; got {share}. Set data.init_args.share.")


def pictures_in(folder: Path) -> list[str]:
    """The paths of the pictures below ``folder``, at any depth, sorted by bytes.

    Raises:
        UserError: if there are none.
    """
    (found,) = Scan([folder]).found
    if not found:
        raise UserError(
            f"Every folder of a set holds pictures; got {printable(folder)} without pictures. "
            "Set data.init_args.root, or put some there."
        )
    return found


def matched(a: Path, b: Path, of_a: Sequence[str], of_b: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of pictures with the same name without extension below ``a`` and below ``b``.

    Raises:
        UserError: naming all without a partner, and the most similar names.
    """
    names_a, names_b = named(a, of_a), named(b, of_b)
    alone = [lonely(a, b, names_a, names_b), lonely(b, a, names_b, names_a)]
    if any(alone):
        count = sum(map(len, alone))
        raise UserError(
            f"Partners have the same name without extension in {printable(a)} and {printable(b)}; {count} pictures "
            "have no partner. Rename or remove them, or set data.init_args.root.\n" + "\n".join([*alone[0], *alone[1]])
        )
    return [(path, names_b[name]) for name, path in names_a.items()]


def named(folder: Path, paths: Sequence[str]) -> dict[str, str]:
    """The paths by their names below ``folder`` without extension.

    Raises:
        UserError: if two names are equal without extension.
    """
    found: dict[str, str] = {}
    for path in paths:
        name = name_below(folder, path)
        if name in found:
            raise UserError(
                "Partners are matched by name without extension, so each name occurs once in a folder; got "
                f"{printable(found[name])} and {printable(path)}. Rename or remove one, or set data.init_args.root."
            )
        found[name] = path
    return found


def lonely(folder: Path, other: Path, mine: dict[str, str], others: dict[str, str]) -> list[str]:
    """A line for each picture of ``folder`` without a partner in ``other``."""
    free = sorted(others.keys() - mine.keys()) or sorted(others)
    lines = []
    for name in sorted(mine.keys() - others.keys()):
        index = bisect(free, name)
        near = get_close_matches(name, free[max(0, index - NEIGHBOURS) : index + NEIGHBOURS], n=1, cutoff=0.2)
        hint = f" (the nearest is {printable(near[0])})" if near else ""
        lines.append(f"{printable(mine[name])} has none in {printable(other)}{hint}")
    return lines
