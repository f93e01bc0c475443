"""Short import names: ``datamodules.Digits`` for the class in ``datamodules/embedded/digits.py``, imported on demand.

A package offers every public class and function that its files define, so files may move and split without a change
to a user's code or YAML, and a new file needs no entry anywhere.
"""

import re
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

DEFINED = re.compile(r"^(?:class|def) ([A-Za-z]\w*)", re.MULTILINE)


def short_names(package: str, folder: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package, for its ``__init__.py``.

    Args:
        package: its name.
        folder: in which it lies.
    """

    @cache
    def modules() -> dict[str, str]:
        return {
            name: module for module, text in sources(package, Path(folder)) for name in DEFINED.findall(text)
        }  # found without importing anything: torch and Lightning take seconds

    def find(name: str) -> Any:
        if name.startswith("_") or name not in modules():
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(modules()[name]), name)

    return find, lambda: sorted(modules())


def sources(package: str, folder: Path) -> list[tuple[str, str]]:
    """Each module below ``folder``, by its import name, and its source code."""
    files = sorted(file for file in folder.rglob("*.py") if file.name != "__init__.py")
    named = [(".".join((package, *file.relative_to(folder).with_suffix("").parts)), file) for file in files]
    return [(name, file.read_text(encoding="utf-8")) for name, file in named]
