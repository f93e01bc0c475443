"""Lazy short import names: ``datamodules.Digits`` for the class in ``datamodules/embedded/digits.py``.

A package exports each public class and function that exactly one of its files defines. Files may move or split without
a change to users' code or YAML, and a new file needs no registration.
"""

import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

DEFINED = re.compile(r"^(?:class|def) ([A-Za-z]\w*)", re.MULTILINE)
EXPORTS: dict[str, Callable[[], dict[str, str]]] = {}  # of each imported package: names and the modules they are in


def short_names(package: str, folder: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` for the ``__init__.py`` of a package.

    Args:
        package: import name of the package.
        folder: folder of the package.
    """

    @cache
    def modules() -> dict[str, str]:
        # Found by reading, not importing: torch and Lightning take seconds to import.
        pairs = [(name, module) for module, text in sources(package, Path(folder)) for name in DEFINED.findall(text)]
        times = Counter(name for name, _ in pairs)
        taken = {path.stem for path in Path(folder).iterdir()}  # a submodule of that name
        return {name: module for name, module in pairs if times[name] == 1 and name not in taken}

    def find(name: str) -> Any:
        if name.startswith("_") or name not in modules():
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return vars(import_module(modules()[name]))[name]

    EXPORTS[package] = modules
    return find, lambda: sorted(modules())


def import_name(kind: type) -> str:
    """The name to import ``kind`` by, short where its package exports it: ``datamodules.Digits``."""
    for package, modules in EXPORTS.items():
        if modules().get(kind.__qualname__) == kind.__module__:
            return f"{package}.{kind.__qualname__}"
    return f"{kind.__module__}.{kind.__qualname__}"


def sources(package: str, folder: Path) -> list[tuple[str, str]]:
    """(import name, source code) of each module below ``folder``, without ``__init__.py`` files."""
    files = sorted(file for file in folder.rglob("*.py") if file.name != "__init__.py")
    named = [(".".join((package, *file.relative_to(folder).with_suffix("").parts)), file) for file in files]
    return [(name, file.read_text(encoding="utf-8")) for name, file in named]
