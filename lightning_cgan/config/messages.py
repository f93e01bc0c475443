"""User-facing messages: errors in two or three plain lines, warnings without noise."""

import inspect
import logging
import re
import sys
import warnings
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from lightning_cgan.errors import UserError

CHOICE = re.compile(r"Expected a (?:member of <enum '\w+'>: {|typing\.Literal\[)(.*)[}\]]\. Got value: (\S+)")
MISSING = object()
UNKNOWN = re.compile(r"(?:Group '([\w.]+)'|Subcommand '\w+') does not accept option '([\w.]+)'")
lightning_format = warnings.formatwarning
NOISE = re.compile(
    r"^(Does not validate|Subtypes:|Errors:|Given value|Expected a <class 'NoneType'>|Problem with given class_path"
    r"|Parser key \"[\w.]+\":$|Expected a path but|Not a valid subclass|Subclass types expect|a class path \("
    r"|a dict with)"
)


def format_parser_error(message: str, keys: Iterable[str] = (), files: Sequence[str] = ()) -> str:
    """A plain error message from one of jsonargparse, with the nearest valid name if one is similar.

    Args:
        message: jsonargparse's message of many lines.
        keys: all keys that the command accepts.
        files: the configuration files of the command, one of which may hold the wrong key or value.
    """
    message = re.sub(r"Call to compute_fn of link .*? failed: ", "", message, flags=re.DOTALL)  # shows the data module
    lines = [line.strip().removeprefix("- ") for line in message.splitlines()]
    useful = [line for line in lines if line and not NOISE.match(line)] or lines[-1:]
    text = re.sub(r"Type \S*Callable\[.*?expects a function or a callable class: ", "", useful[0])
    text = re.sub(r"\.? Got value: Namespace\(.*", "", text)
    where = re.findall(r'Parser key "([\w.]+)"', message)
    if choice := CHOICE.search(message):
        return not_a_choice(".init_args.".join(where), choice[2], choice[1], files)
    value = None
    if text.startswith("Expected a") and (value := value_in(text, message)):
        text = f"{value} is not a valid value"
    if unknown := UNKNOWN.search(text):
        where = [".".join(filter(None, unknown.groups()))]
        text = f"{where[0]} is not accepted"
    elif where and (option := re.search(r"Option '(\w+)' is not accepted", text)):
        where.append(option[1])
        text = text.replace(option[0], f"{'.init_args.'.join(where)} is not accepted")
    key = ".init_args.".join(where)
    if ". Set " not in text:
        text = text if any(part in text for part in where) or not where else f"{key}: {text}"
        text += in_file(key, value, files)
    name = nearest(message, keys)
    return text + (f"\nThe nearest valid name is {name}." if name else "")


def not_a_choice(key: str, value: str, names: str, files: Sequence[str]) -> str:
    """The message for a value that is none of ``names``, which are joined by commas."""
    valid = [name.strip("' ") for name in names.split(",")]
    similar = get_close_matches(value, valid, n=1)
    text = f"{key} is one of {', '.join(valid)}; got {value}{in_file(key, value, files)}. Set {key}."
    return text + (f"\nThe nearest valid name is {similar[0]}." if similar else "")


def value_in(text: str, message: str) -> str | None:
    """The value that is not valid, by the line ``text`` of the parser's ``message`` or else by its last lines."""
    if got := re.search(r"Got value: (.*)", text):
        return got[1]
    given = re.search(r"^ *Given value: (?:NestedArg\(key='[\w.]+', val='?(.*?)'?\)|(.*))$", message, re.MULTILINE)
    return (given[1] or given[2]) if given else None


def in_file(key: str, value: str | None, files: Sequence[str]) -> str:
    """ ", in FILE" for the last of ``files`` that sets the dotted ``key``; "" if none does, as for a flag.

    Args:
        value: that the file must have; None: any.
    """
    for file in reversed(files):
        try:
            found = yaml.safe_load(Path(file).read_text())
        except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError):
            continue
        for part in key.split("."):
            found = found.get(part, MISSING) if isinstance(found, dict) else MISSING
        if found is not MISSING and value in (None, str(found)):
            return f", in {file}"
    return ""


def nearest(message: str, keys: Iterable[str]) -> str | None:
    """The valid name most similar to the unknown one in ``message``; None if none is similar."""
    named = re.findall(r"class_path[= ]'([\w.]+)'", message)
    if option := re.search(r"Option '(\w+)' is not accepted", message):
        return closest(option[1], {name for path in named for name in parameters(path)})
    if unknown := UNKNOWN.search(message):
        return closest(".".join(filter(None, unknown.groups())), keys)
    if attribute := re.search(r"module '([\w.]+)' has no attribute '(\w+)'", message):
        return closest(attribute[2], classes(attribute[1]) + submodules(attribute[1]), f"{attribute[1]}.")
    if key := re.search(r"(?:unrecognized arguments: --|does not accept option '|invalid choice: ')([\w.]+)", message):
        return closest(key[1], keys)
    return None


def closest(name: str, names: Iterable[str], prefix: str = "") -> str | None:
    """The one of ``names`` that is most similar to ``name``, or None."""
    names = list(names)
    parent, _, last = name.rpartition(".")
    siblings = {known.rpartition(".")[2]: known for known in names if known.rpartition(".")[0] == parent}
    if found := get_close_matches(last, siblings, n=1):
        return prefix + siblings[found[0]]
    heads = {known.partition(".")[0] for known in names}
    found = get_close_matches(name, names, n=1, cutoff=0.8) or get_close_matches(name.partition(".")[0], heads, n=1)
    return prefix + found[0] if found and found[0] != name.partition(".")[0] else None


def parameters(class_path: str) -> list[str]:
    """The arguments of a class of an imported module, with those of its base classes, which may be passed on."""
    module, _, name = class_path.rpartition(".")
    named = member(module, name)
    kinds = inspect.getmro(named) if inspect.isclass(named) else ()
    makers = [vars(kind)["__init__"] for kind in kinds if "__init__" in vars(kind)]
    return [parameter for maker in makers for parameter in inspect.signature(maker).parameters]


def member(module: str, name: str) -> Any:
    """The attribute ``name`` of an imported module, or None. Nothing is imported, except by the suite's short names."""
    if module not in sys.modules:
        return None
    here = vars(sys.modules[module])
    return here["__getattr__"](name) if name not in here and name in short_names_of(module) else here.get(name)


def classes(module: str) -> list[str]:
    """The classes of an imported module, and its short names if it is a package of the suite."""
    here = vars(sys.modules[module]) if module in sys.modules else {}
    return [name for name, value in here.items() if inspect.isclass(value)] + short_names_of(module)


def short_names_of(module: str) -> list[str]:
    ours = module in sys.modules and module.partition(".")[0] in ("lightning_cgan", "datamodules")
    return list(vars(sys.modules[module])["__dir__"]()) if ours and "__dir__" in vars(sys.modules[module]) else []


def submodules(package: str) -> list[str]:
    import pkgutil

    try:
        return [module.name for module in pkgutil.iter_modules(sys.modules[package].__path__)]
    except (KeyError, AttributeError):
        return []


def user_message(error: Exception) -> str | None:
    """The message of a user error; None for any other error, which needs its traceback."""
    if type(error).__module__.startswith("wandb.errors"):
        return f"W&B: {error}\nWANDB_MODE=offline needs no key and no network."
    if isinstance(error, UserError):
        return without_trace(error)
    return str(error) if isinstance(error, MisconfigurationException) else None


def without_trace(error: UserError) -> str:
    """The message without the traceback of a loader process that torch puts before it."""
    kind = type(error)
    return str(error).rpartition(f"\n{kind.__module__}.{kind.__qualname__}: ")[2].rstrip()


def format_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """The printed form of a warning: the text alone for the suite's own, with file and line for other packages."""
    ours = {"lightning_cgan", "datamodules"} & set(Path(filename).parts[-3:])
    return f"warning: {message}\n" if ours else lightning_format(message, category, filename, lineno, line)


def quiet_warnings() -> None:
    """Hide Lightning's tips and its warnings about intended behaviour, and print the suite's warnings as plain text."""
    warnings.formatwarning = format_warning
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    logging.getLogger("lightning.fabric").setLevel(logging.WARNING)
    for pattern in (
        "Checkpoint directory .* exists",
        ".*treespec",
        ".*many workers",
        "This DataLoader will create .* worker processes",
        "The `srun` command is available",
        "Found .* in eval mode at the start of training",
        "The number of training batches .* is smaller than the logging interval",
        ".*not resumable",
        "Be aware that when",
        ".*sync_dist",
    ):
        warnings.filterwarnings("ignore", message=pattern)
