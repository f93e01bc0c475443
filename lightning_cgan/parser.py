"""How command lines and files are read."""

from typing import Any, NoReturn

from jsonargparse import Namespace, _typehints
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI

from lightning_cgan.messages import plain


class Parser(LightningArgumentParser):
    """Complains in plain lines."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        if not self.exit_on_error:  # a parser inside of another: the outer one reports
            super().error(message, ex)
        parser = getattr(ex, "subcommand_parser", None) or self
        keys = [option.lstrip("-") for action in parser._actions for option in action.option_strings]
        keys += LightningCLI.subcommands()
        raise ValueError(plain(message, keys)) from ex


def forget_arguments_of_another_class(parser: Any, before: Any, after: Any) -> None:
    """A class that replaces another one starts from its own defaults.

    jsonargparse keeps the former one's where the names agree: a network put in the place of a default one would
    silently take over its width.
    """
    if before and "init_args" in before and before["class_path"] != after["class_path"]:
        before["init_args"] = Namespace()


_typehints.discard_init_args_on_class_path_change = forget_arguments_of_another_class
