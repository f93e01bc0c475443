"""Nested dictionaries as one dictionary with dotted keys."""

from typing import Any


def flatten(tree: Any, key: str = "") -> dict[str, Any]:
    """The leaves of nested dictionaries by dotted key: ``{"a": {"b": 1}}`` is ``{"a.b": 1}``. Tuples become lists."""
    if not isinstance(tree, dict):
        return {key: list(tree) if isinstance(tree, tuple) else tree}
    below = [flatten(branch, f"{key}.{part}" if key else str(part)) for part, branch in tree.items()]
    return {name: value for leaves in below for name, value in leaves.items()}
