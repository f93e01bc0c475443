"""Tiny data on disk for the experiments: each module has ``WRITERS``, by the name of the data module that reads them.

A writer takes an empty folder, pytest's monkeypatch and the arguments of the data module in the experiment file, and
returns the arguments that make the data module read what it wrote. A new format needs a new module here, and a data
module that inherits from one with a writer needs none.
"""

import pkgutil
from importlib import import_module


def writer_of(kind):
    """The writer of a data module's class or of its nearest base that has one."""
    writers = {}
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        writers |= import_module(module.name).WRITERS
    found = [writers[base.__name__] for base in kind.__mro__ if base.__name__ in writers]
    if not found:
        raise LookupError(f"{kind.__name__} reads files; add a module with WRITERS to tests/experiments/writers")
    return found[0]
