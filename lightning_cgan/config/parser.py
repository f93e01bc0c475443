"""How command lines and files are read."""

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
    """Complains in plain lines."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        if not self.exit_on_error:  # a parser inside of another: the outer one reports
            super().error(message, ex)
        rules = allowed.get()
        if told := rules.reason(message) if rules else None:
            raise UserError(told) from ex
        parser = getattr(ex, "subcommand_parser", None) or self
        keys = [option.lstrip("-") for action in parser._actions for option in action.option_strings]
        keys += LightningCLI.subcommands()
        raise UserError(format_parser_error(message, keys)) from ex


class Trust(argparse.Action):
    """``--trust PACKAGE`` in the help. It is taken from the command before files are read: no file can trust itself."""

    def __init__(self, option_strings: Sequence[str], dest: str, **kwargs: Any) -> None:
        kwargs |= {"default": argparse.SUPPRESS, "metavar": "PACKAGE"}
        super().__init__(option_strings, argparse.SUPPRESS, **kwargs)

    def __call__(self, *_: Any) -> None:
        """Nothing is left to do."""


def without_trust(words: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """The words of a command without ``--trust PACKAGE``, and the packages.

    Raises:
        UserError: for what is no name of a package.
    """
    left: list[str] = []
    trusted: list[str] = []
    remaining = iter(words)
    for word in remaining:
        if word == "--trust" or word.startswith("--trust="):
            trusted.append(word.partition("=")[2] if "=" in word else next(remaining, ""))
        else:
            left.append(word)
    check_packages(trusted)
    return left, tuple(trusted)


def check_packages(names: Sequence[str]) -> None:
    """Refuse what is no name of a package or module.

    Raises:
        UserError: naming it.
    """
    for name in names:
        if not all(part.isidentifier() for part in name.split(".")):
            raise UserError(f"What is trusted is a package, named as in `import`; got {name!r}. Set --trust or trust.")


def forget_arguments_of_another_class(parser: Any, before: Any, after: Any) -> None:
    """A class that replaces another one starts from its own defaults.

    jsonargparse keeps the former one's where the names agree: a network put in the place of a default one would
    silently take over its width.
    """
    if before and "init_args" in before and before["class_path"] != after["class_path"]:
        before["init_args"] = Namespace()


typehints.discard_init_args_on_class_path_change = forget_arguments_of_another_class
