"""An experiment file names only what differs from the defaults of the classes and of the command line."""

import inspect
from enum import Enum
from pydoc import locate
from types import FunctionType

import pytest
import yaml
from lightning.pytorch import Trainer

from lightning_cgan.cli.lightning import TRAINER_DEFAULTS
from tests.conftest import REPOSITORY

FILES = sorted(str(path.relative_to(REPOSITORY)) for path in (REPOSITORY / "experiments").rglob("*.yaml"))
MISSING = object()  # no default


def defaults_of(kind):
    """The defaults of a constructor's parameters; ``**kwargs`` are those of the next constructor."""
    defaults = {}
    for base in kind.__mro__ if inspect.isclass(kind) else (kind,):
        signature = inspect.signature(base) if base is kind else None
        if signature is None:
            if "__init__" not in base.__dict__:
                continue
            signature = inspect.signature(base.__init__)
        defaults = {name: one.default for name, one in signature.parameters.items()} | defaults
        if all(one.kind is not inspect.Parameter.VAR_KEYWORD for one in signature.parameters.values()):
            break
    return defaults


class Recorder:
    """Stands for a class or module in the body of a lambda, and returns what is called with which keywords."""

    def __init__(self, real):
        self.real = real

    def __getattr__(self, name):
        return Recorder(getattr(self.real, name))

    def __call__(self, *positional, **keywords):
        return called(self.real, keywords)


def called(kind, keywords):
    """A call of ``kind`` as its name and all its arguments."""
    return kind, {name: number(value) for name, value in (defaults_of(kind) | keywords).items()}


def factory(value):
    """The call that a default or a value of a file makes: of a lambda, a class or function, a name, a class_path."""
    if isinstance(value, dict) and "class_path" in value:
        return called(locate(value["class_path"]), value.get("init_args", {}))
    if isinstance(value, str) and "." in value and callable(locate(value)):
        return called(locate(value), {})
    if inspect.isfunction(value) and value.__name__ == "<lambda>":
        known = {name: Recorder(one) for name, one in value.__globals__.items()}
        return FunctionType(value.__code__, known)(None)
    return called(value, {}) if callable(value) and value is not MISSING else None


def number(value):
    """``1e-3`` is a string in YAML 1.1 and a number in a configuration."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def equal(value, default):
    """Whether a value of a file says what ``default`` says."""
    if default is MISSING:
        return False
    if isinstance(default, Enum):
        return value in (default.name, default.value)
    if callable(default):
        return factory(value) == factory(default)
    if isinstance(value, list) and isinstance(default, tuple):
        return value == list(default)
    return isinstance(value, bool) == isinstance(default, bool) and number(value) == default


def repeated(arguments, defaults, place):
    """The places of ``arguments`` that repeat a default."""
    for name, value in arguments.items():
        if equal(value, defaults.get(name, MISSING)):
            yield f"{place}.{name}"
        yield from repeated_in(value, f"{place}.{name}")


def repeated_in(value, place):
    """The places in a part of a configuration that repeat the default of a constructor."""
    for number, one in enumerate(value if isinstance(value, list) else [value]):
        if isinstance(one, dict) and "class_path" in one:
            where = f"{place}[{number}]" if isinstance(value, list) else place
            if not one.get("init_args", {"": ""}):
                yield f"{where}.init_args"
            yield from repeated(one.get("init_args", {}), defaults_of(locate(one["class_path"])), where)


def repeated_defaults(configuration):
    """Every place of an experiment file that repeats a default."""
    for name in ("model", "data"):
        yield from repeated_in(configuration.get(name), name)
    yield from repeated(configuration.get("trainer", {}), defaults_of(Trainer) | TRAINER_DEFAULTS, "trainer")
    if configuration.get("seed_everything") == 0:
        yield "seed_everything"


@pytest.mark.parametrize("file", FILES)
def test_no_value_of_an_experiment_is_a_default(file):
    assert list(repeated_defaults(yaml.safe_load((REPOSITORY / file).read_text()))) == []


@pytest.mark.parametrize("file", FILES)
def test_a_class_without_arguments_is_a_name(file):
    """``- NAME`` in a list of callbacks, and ``KEY: NAME`` elsewhere below ``model``, say the same as a class_path."""
    configuration = yaml.safe_load((REPOSITORY / file).read_text())

    def bare(value, depth=0):
        if isinstance(value, dict):
            return (set(value) == {"class_path"} and depth > 1) or any(bare(one, depth + 1) for one in value.values())
        return isinstance(value, list) and any(bare(one, depth + 1) for one in value)

    assert not bare(configuration)
