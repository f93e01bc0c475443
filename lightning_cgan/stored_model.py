"""The model that a checkpoint describes, made without running anything that the checkpoint chooses."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule

from lightning_cgan.allow_list import AllowList
from lightning_cgan.errors import UserError
from lightning_cgan.guarded_imports import only
from lightning_cgan.named_classes import checked, in_checkpoint
from lightning_cgan.parser import Parser, check_packages


def check_local(path: object) -> None:
    """Refuse a checkpoint on another machine, for which Lightning would switch off the protection against code in it.

    Raises:
        UserError: naming the address.
    """
    if "://" in str(path):
        raise UserError(
            f"A checkpoint is a file on this machine; got {path}. Download it, and set --ckpt_path to the file."
        )


def stored_model(
    described: Any, path: str | Path, trust: Sequence[str] = (), changed: dict[str, Any] | None = None
) -> LightningModule:
    """The model of a checkpoint, with new weights.

    Args:
        described: what the checkpoint says of it: ``class_path`` and ``init_args``.
        path: of the checkpoint, for messages.
        trust: packages whose classes it may name beside the suite's, torch's and Lightning's.
        changed: arguments to set otherwise.

    Raises:
        UserError: for a class outside the allow-list, or a description that does not fit the class.
    """
    check_packages(trust)
    strings = in_checkpoint(described, path)
    if not (
        isinstance(described, dict)
        and isinstance(described.get("class_path"), str)
        and isinstance(described.get("init_args", {}), dict)
    ):
        raise UserError(
            f"A checkpoint says which class its model is of; {path} does not. Set the path to one that `fit` wrote."
        )
    rules = checked(strings, AllowList(tuple(trust), None, {found.text: found.place for found in strings}))
    wanted = described | {"init_args": described.get("init_args", {}) | (changed or {})}
    parser = Parser(allow_abbrev=False)
    parser.add_lightning_class_args(LightningModule, "model", subclass_mode=True)
    with only(rules):
        config = parser.parse_object({"model": wanted})
        model: LightningModule = parser.instantiate_classes(config)["model"]
    return model
