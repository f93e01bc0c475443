"""Finds the class names in a command line, in the YAML files that it reads, and in a checkpoint."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from lightning_cgan.config.allow_list import AllowList
from lightning_cgan.errors import UserError

DEPTH = 100  # maximum nesting of mappings and lists, far above that of any configuration
CONFIG = ("--config", "-c")
SUFFIXES = (".yaml", ".yml", ".json")
# Visited files, and parts of configurations by id; the parts are kept alive so that no id is reused.
Visited = dict[int | Path, Any]


class ConfigString(NamedTuple):
    """A string in a configuration."""

    text: str
    source: str  # the file or flag, and the key
    is_class_path: bool  # whether its key is ``class_path``; others may still name a class, if their type says so


def rules_for(words: Sequence[str], trusted: tuple[str, ...]) -> AllowList:
    """The allow-list of a command, with all class paths of the command checked against it.

    Raises:
        UserError: for a configuration file that does not exist, or a class path that is not allowed; the message says
            where it was read.
    """
    files = tuple(value for flag, value in flags(words) if flag in CONFIG and not parsed(value))
    for file in files:
        check_file(file)
    strings = in_command(words)
    return checked(strings, AllowList(trusted, Path.cwd(), {one.text: one.source for one in strings}, files))


def check_file(name: str) -> None:
    """Refuse a configuration file that does not exist.

    Raises:
        UserError: with the most similar existing path.
    """
    path = Path(name)
    if not name or name.startswith("-") or is_file(path):  # without a value, argparse has its own message
        return
    near = nearest_file(path)
    raise UserError(
        f"A configuration is an existing file; got {name}{', a folder' if path.is_dir() else ''}. Set --config."
        + (f"\nThe nearest existing file is {near}." if near else "")
    )


def nearest_file(path: Path) -> Path | None:
    """The existing file whose folders and name are most similar to those of ``path``; None if one has none similar."""
    found = Path(path.anchor)
    for part in path.relative_to(path.anchor).parts:
        if (found / part).exists():
            found /= part
            continue
        names = [entry.name for entry in found.iterdir()] if found.is_dir() else []
        near = get_close_matches(part, names, n=1)
        if not near:
            return None
        found /= near[0]
    return found if found.is_file() else None


def checked(strings: Sequence[ConfigString], rules: AllowList) -> AllowList:
    """``rules``, after every class path among ``strings`` was checked against them.

    Raises:
        UserError: for the first class path that is not allowed.
    """
    for one in strings:
        if one.is_class_path and "." in one.text:
            rules.check_name(one.text)
    return rules


def in_command(words: Sequence[str]) -> list[ConfigString]:
    """Every string in the flags of a command and in the files that they name."""
    strings: list[ConfigString] = []
    visited: Visited = {}
    for flag, value in flags(words):
        file = Path(value)
        if is_file(file):
            source = f"--config {value}" if flag in CONFIG else f"{flag} {value}"
            strings += in_file(file, source, visited)
        elif tree := parsed(value):
            strings += in_tree(tree, flag, flag.lstrip("-"), Path(), visited)
        else:
            strings.append(ConfigString(value, flag, flag.rpartition(".")[2] == "class_path"))
    return strings


def flags(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The flags of a command with their values, from ``--flag=value`` and ``--flag value``."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word.startswith("-"):
            flag, equals, value = word.partition("=")
            yield flag, value if equals else following


def in_checkpoint(tree: Any, path: str | Path) -> list[ConfigString]:
    """Every string in the configuration stored in a checkpoint.

    Raises:
        UserError: if it contains anything but plain values.
    """
    return list(in_tree(tree, str(path), "hyper_parameters", None, {}))


def in_file(path: Path, source: str, visited: Visited) -> Iterator[ConfigString]:
    """Every string in a YAML file and in the files that it names; files that cannot be parsed are skipped."""
    if path.resolve() in visited:
        return
    visited[path.resolve()] = None
    try:
        tree = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError):
        return
    yield from in_tree(tree, source, "", path.parent, visited)


def in_tree(
    tree: Any, source: str, key: str, folder: Path | None, visited: Visited, depth: int = 0
) -> Iterator[ConfigString]:
    """Every string in nested mappings and lists.

    Args:
        tree: mapping, list or value; a part that occurs twice is visited once.
        source: the file or flag, for messages.
        key: key of ``tree`` in ``source``.
        folder: folder that file names are relative to; None: no file is read, and only plain values are accepted.
        visited: parts and files visited so far.
        depth: nesting depth of ``tree``.

    Raises:
        UserError: for a nesting deeper than 100, a class path that is not a string, or, in a checkpoint, a value that
            is not plain.
    """
    if depth > DEPTH:
        raise UserError(
            f"A configuration is nested at most {DEPTH} deep; got a deeper one in {source}. Change {key[:60]}."
        )
    if isinstance(tree, dict | list | tuple):
        if id(tree) in visited and depth:
            return
        visited[id(tree)] = tree
        parts = tree.items() if isinstance(tree, dict) else enumerate(tree)
        for name, part in parts:
            if name == "class_path" and not isinstance(part, str | None):
                raise UserError(f"A class path is a string; got {part!r:.60} in {source}. Change {key}.class_path.")
            yield from in_tree(part, source, f"{key}.{name}" if key else str(name), folder, visited, depth + 1)
    elif isinstance(tree, str):
        yield ConfigString(tree, f"{source} ({key})" if key else source, key.rpartition(".")[2] == "class_path")
        if "class_path" in tree and (inner := parsed(tree)):
            yield from in_tree(inner, source, key, folder, visited, depth + 1)
        if folder is not None and tree.endswith(SUFFIXES) and is_file(folder / tree):
            yield from in_file(folder / tree, f"{source}, {tree}", visited)
    elif folder is None and not (tree is None or isinstance(tree, bool | int | float)):
        raise UserError(
            f"A checkpoint describes its model by plain values; got a {type(tree).__name__} for {key} in {source}. "
            "Set --ckpt_path, or the path, to a checkpoint written by `lightning-cgan fit`."
        )


def parsed(text: str) -> dict[Any, Any] | list[Any] | None:
    """The mapping or list that ``text`` contains as YAML or JSON; None if it is neither."""
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
