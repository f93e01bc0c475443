"""Where names stand in a command line, in the YAML files that it reads, and in a checkpoint."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from lightning_cgan.config.allow_list import AllowList
from lightning_cgan.errors import UserError

DEPTH = 100  # of nested mappings and lists, far more than any configuration has
TREES = (".yaml", ".yml", ".json")
Visited = dict[
    int | Path, Any
]  # parts of trees by their id, which must stay in memory for it to stay theirs; and files


class Found(NamedTuple):
    """A string in a configuration."""

    text: str
    place: str  # the file or flag, and the key
    is_class_path: bool  # whether it stands under ``class_path``; others may still name a class, by their type


def rules_for(words: Sequence[str], trusted: tuple[str, ...]) -> AllowList:
    """The allow-list of a command, after its class paths were held against it.

    Raises:
        UserError: for a class path that is not allowed, naming where it stands.
    """
    found = in_command(words)
    return checked(found, AllowList(trusted, Path.cwd(), {one.text: one.place for one in found}))


def checked(found: Sequence[Found], rules: AllowList) -> AllowList:
    """``rules``, if they allow every class path of ``found``.

    Raises:
        UserError: for the first that they do not.
    """
    for one in found:
        if one.is_class_path and "." in one.text:
            rules.check_name(one.text)
    return rules


def in_command(words: Sequence[str]) -> list[Found]:
    """Every string in the flags of a command and in the files that they name."""
    found: list[Found] = []
    seen: Visited = {}
    for flag, value in flags(words):
        file = Path(value)
        if is_file(file):
            place = f"--config {value}" if flag in ("--config", "-c") else f"{flag} {value}"
            found += in_file(file, place, seen)
        elif tree := parsed(value):
            found += in_tree(tree, flag, flag.lstrip("-"), Path(), seen)
        else:
            found.append(Found(value, flag, flag.rpartition(".")[2] == "class_path"))
    return found


def flags(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each ``--flag=value`` and ``--flag value``."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word.startswith("-"):
            flag, equals, value = word.partition("=")
            yield flag, value if equals else following


def in_checkpoint(tree: Any, path: str | Path) -> list[Found]:
    """Every string in the configuration that a checkpoint holds.

    Raises:
        UserError: if it holds anything but plain values.
    """
    return list(in_tree(tree, str(path), "hyper_parameters", None, {}))


def in_file(path: Path, place: str, seen: Visited) -> Iterator[Found]:
    """Every string in a YAML file, and in those that it names; a file that is no YAML is left to jsonargparse."""
    if path.resolve() in seen:
        return
    seen[path.resolve()] = None
    try:
        tree = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError):
        return
    yield from in_tree(tree, place, "", path.parent, seen)


def in_tree(tree: Any, place: str, key: str, folder: Path | None, seen: Visited, depth: int = 0) -> Iterator[Found]:
    """Every string in nested mappings and lists.

    Args:
        tree: to walk through; a part that it holds twice is walked through once.
        place: the file or flag, for messages.
        key: of ``tree`` in there.
        folder: that names of files are relative to; None: no file is read, and only plain values are accepted.
        seen: parts and files that were walked through.
        depth: of ``tree``.
    """
    if depth > DEPTH:
        raise UserError(
            f"A configuration is a tree; got one nested more than {DEPTH} deep in {place}. Change {key[:60]}."
        )
    if isinstance(tree, dict | list | tuple):
        if id(tree) in seen and depth:
            return
        seen[id(tree)] = tree
        parts = tree.items() if isinstance(tree, dict) else enumerate(tree)
        for name, part in parts:
            if name == "class_path" and not isinstance(part, str | None):
                raise UserError(f"A class path is a name; got {part!r:.60} in {place}. Change {key}.class_path.")
            yield from in_tree(part, place, f"{key}.{name}" if key else str(name), folder, seen, depth + 1)
    elif isinstance(tree, str):
        yield Found(tree, f"{place} ({key})" if key else place, key.rpartition(".")[2] == "class_path")
        if "class_path" in tree and (inner := parsed(tree)):
            yield from in_tree(inner, place, key, folder, seen, depth + 1)
        if folder is not None and tree.endswith(TREES) and is_file(folder / tree):
            yield from in_file(folder / tree, f"{place}, {tree}", seen)
    elif folder is None and not (tree is None or isinstance(tree, bool | int | float)):
        raise UserError(
            f"A checkpoint describes its model by plain values; got a {type(tree).__name__} for {key} in {place}. "
            "Set --ckpt_path, or the path, to a checkpoint that `lightning-cgan fit` wrote."
        )


def parsed(text: str) -> dict[Any, Any] | list[Any] | None:
    """The mapping or list that ``text`` is in YAML or JSON, or None."""
    try:
        tree = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError):
        return None
    return tree if isinstance(tree, dict | list) else None


def is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long, or with a null byte
        return False
