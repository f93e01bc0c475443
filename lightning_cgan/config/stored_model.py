"""Creates the model described in a checkpoint, from allowed classes only and without unpickling anything."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

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
    """Check that a checkpoint is a local file: Lightning loads remote ones without protection against code in them.

    Raises:
        UserError: for an address.
    """
    if "://" in str(path):
        raise UserError(f"A checkpoint is a local file; got {path}. Download it, and set --ckpt_path to the file.")


def stored_model(
    described: Any, path: str | Path, trust: Sequence[str] = (), changed: dict[str, Any] | None = None
) -> LightningModule:
    """The model described in a checkpoint, with newly initialised weights.

    Args:
        described: description of the model, ``class_path`` and ``init_args``.
        path: path of the checkpoint, for messages.
        trust: packages whose classes are allowed in addition to those of the suite, torch and Lightning.
        changed: constructor arguments that replace those of the checkpoint.

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
            f"Checkpoints of the command line describe their model; got {path}, saved by a Trainer in a script. Call "
            "load_from_checkpoint of the model's class with the path and all constructor arguments, such as spec=..."
        )
    rules = checked(strings, AllowList(tuple(trust), None, {one.text: one.source for one in strings}))
    description = described | {"init_args": described.get("init_args", {}) | (changed or {})}
    parser = Parser(allow_abbrev=False)
    parser.add_lightning_class_args(LightningModule, "model", subclass_mode=True)
    with only(rules):
        config = parser.parse_object({"model": description})
        try:
            model: LightningModule = parser.instantiate_classes(config)["model"]
        except ValueError as error:  # jsonargparse wraps the message of a constructor in its own
            raise UserError(format_parser_error(str(error))) from error
    return model


Model = TypeVar("Model", bound=LightningModule)


class Loadable(LightningModule):
    """A LightningModule whose ``load_from_checkpoint`` reads the checkpoints of ``fit``."""

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
        """The trained model of a checkpoint in training mode, as in Lightning; see also ``lightning_cgan.load``.

        Args:
            checkpoint_path: a file written by the command line, which describes its model, or by a Trainer in a
                script; the latter needs all constructor arguments, such as ``spec``.
            map_location: device of the model; the CPU if None.
            hparams_file: not supported.
            strict: whether the weights must match those of the model exactly; None means True.
            weights_only: must not be False.
            trust: packages whose classes are allowed in addition to those of the suite, torch and Lightning. Their
                code runs.
            changed: constructor arguments that replace those of the checkpoint, or all arguments.

        Raises:
            UserError: if the file is missing, is not a checkpoint of this suite, is one of another class, or names a
                class that is not allowed.
        """
        if hparams_file is not None or weights_only is False:
            raise UserError(
                f"Checkpoints describe their model and are never unpickled; got {hparams_file=}, {weights_only=}. "
                "Leave them out."
            )
        check_local(checkpoint_path)
        content = read_checkpoint(checkpoint_path)
        described = content["hyper_parameters"].get("model")
        if described is None and changed:
            model = cls(**changed)
        else:
            model = of_class(cls, stored_model(described, checkpoint_path, trust, changed), checkpoint_path)
        model.on_load_checkpoint(content)
        if strict is not False:
            check_fits(content, model, str(checkpoint_path))
        model.load_state_dict(content["state_dict"], strict=strict is not False)
        return model.to(map_location or "cpu")


def of_class(cls: type[Model], model: LightningModule, path: str | Path) -> Model:
    """``model``, the one of the checkpoint ``path``.

    Raises:
        UserError: if it is not a ``cls``.
    """
    if not isinstance(model, cls):
        kind = type(model).__name__
        raise UserError(
            f"A class loads only its own checkpoints; got one of {kind} for {cls.__name__}. "
            f"Call {kind}.load_from_checkpoint, or lightning_cgan.load, on {path}."
        )
    return model
