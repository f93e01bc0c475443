"""The model that a checkpoint describes, made without running anything that the checkpoint chooses."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import torch
from lightning.pytorch import LightningModule

from lightning_cgan.config.allow_list import AllowList
from lightning_cgan.config.guarded_imports import only
from lightning_cgan.config.messages import format_parser_error
from lightning_cgan.config.named_classes import checked, in_checkpoint
from lightning_cgan.config.parser import Parser, check_packages
from lightning_cgan.errors import UserError
from lightning_cgan.runs.run_folder import check_fits, read_checkpoint


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
        try:
            model: LightningModule = parser.instantiate_classes(config)["model"]
        except ValueError as error:  # jsonargparse wraps what a constructor says in its own words
            raise UserError(format_parser_error(str(error))) from error
    return model


class Loadable(LightningModule):
    """A LightningModule whose ``load_from_checkpoint`` reads what ``fit`` has saved."""

    @classmethod
    def load_from_checkpoint(
        cls,
        checkpoint_path: str | Path,
        map_location: str | torch.device | None = None,
        hparams_file: None = None,
        strict: bool | None = None,
        weights_only: bool | None = None,
        trust: Sequence[str] = (),
        **changed: Any,
    ) -> Self:
        """The model of a checkpoint in training mode, like Lightning's own. ``lightning_cgan.load`` is shorter.

        Args:
            checkpoint_path: a file that ``fit`` has written. It says itself which data the model is made for.
            map_location: the device to put the model on; the CPU where it is left out.
            hparams_file: of other checkpoints; those of this suite need none.
            strict: whether the weights must be those of the model, no more and no less. They must, if left out.
            weights_only: nothing else is read from a checkpoint.
            trust: packages whose classes it may name beside the suite's, torch's and Lightning's. Their code runs.
            changed: arguments of the model to set otherwise.

        Raises:
            UserError: if the file is missing, not a checkpoint of this suite, of another class, or names a class that
                is not allowed.
        """
        if hparams_file is not None or weights_only is False:
            raise UserError(
                f"A checkpoint of this suite describes its model, and nothing is unpickled; got {hparams_file=}, "
                f"{weights_only=}. Leave them out."
            )
        check_local(checkpoint_path)
        content = read_checkpoint(checkpoint_path)
        model = stored_model(content["hyper_parameters"]["model"], checkpoint_path, trust, changed)
        if not isinstance(model, cls):
            raise UserError(
                f"A class loads its own checkpoints; got one of {type(model).__name__} for {cls.__name__}. "
                f"Call {type(model).__name__}.load_from_checkpoint, or lightning_cgan.load, on {checkpoint_path}."
            )
        model.on_load_checkpoint(content)
        if strict is not False:
            check_fits(content, model, str(checkpoint_path))
        model.load_state_dict(content["state_dict"], strict=strict is not False)
        return model.to(map_location or "cpu")
