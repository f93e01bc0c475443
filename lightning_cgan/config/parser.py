"""The parser of command lines and configuration files."""

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from jsonargparse import Namespace
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI

from lightning_cgan._compat import typehints
from lightning_cgan.config.guarded_imports import allowed
from lightning_cgan.config.messages import format_parser_error
from lightning_cgan.errors import UserError


class Parser(LightningArgumentParser):
    """Lightning's parser, with error messages of two or three plain lines."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        if not self.exit_on_error:  # a nested parser: the outer one reports the error
            super().error(message, ex)
        rules = allowed.get()
        if reason := rules.reason(message) if rules else None:
            raise UserError(reason) from ex
        parser = getattr(ex, "subcommand_parser", None) or self
        keys = [option.lstrip("-") for action in parser._actions for option in action.option_strings]
        keys += LightningCLI.subcommands()
        raise UserError(format_parser_error(message, keys, rules.files if rules else ())) from ex


class Trust(argparse.Action):
    """The help entry of ``--trust PACKAGE``.

    The flag itself is removed from the command before files are read, so that no file can set it.
    """

    def __init__(self, option_strings: Sequence[str], dest: str, **kwargs: Any) -> None:
        kwargs |= {"default": argparse.SUPPRESS, "metavar": "PACKAGE"}
        super().__init__(option_strings, argparse.SUPPRESS, **kwargs)

    def __call__(self, *_: Any) -> None:
        """Does nothing: :func:`without_trust` has removed the flag."""


def without_trust(words: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """The words of a command without ``--trust PACKAGE``, and the trusted packages.

    Raises:
        UserError: for a value that is not a package name.
    """
    others: list[str] = []
    trusted: list[str] = []
    remaining = iter(words)
    for word in remaining:
        if word == "--trust" or word.startswith("--trust="):
            trusted.append(word.partition("=")[2] if "=" in word else next(remaining, ""))
        else:
            others.append(word)
    check_packages(trusted)
    return others, tuple(trusted)


def check_packages(names: Sequence[str]) -> None:
    """Check that ``names`` are names of packages or modules.

    Raises:
        UserError: for the first that is not.
    """
    for name in names:
        if not all(part.isidentifier() for part in name.split(".")):
            raise UserError(f"A trusted package is named as in `import`; got {name!r}. Set --trust or trust.")


def forget_arguments_of_another_class(parser: Any, before: Any, after: Any) -> None:
    """Give a class that replaces another one its own default arguments.

    jsonargparse keeps arguments of the replaced class that have the same name: a network that replaces the default one
    would silently get its width.
    """
    if before and "init_args" in before and before["class_path"] != after["class_path"]:
        before["init_args"] = Namespace()


typehints.discard_init_args_on_class_path_change = forget_arguments_of_another_class
