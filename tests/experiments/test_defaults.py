"""An experiment file names only what differs from the defaults of the classes and of the command line."""

from enum import Enum
from pydoc import locate

import pytest
import yaml
from lightning.pytorch import Trainer

from lightning_cgan.cli.lightning import TRAINER_DEFAULTS
from tests.conftest import REPOSITORY
from tests.experiments.signatures import MISSING, defaults_of, factory, number

FILES = sorted(str(path.relative_to(REPOSITORY)) for path in (REPOSITORY / "experiments").rglob("*.yaml"))


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
    for index, one in enumerate(value if isinstance(value, list) else [value]):
        if isinstance(one, dict) and "class_path" in one:
            where = f"{place}[{index}]" if isinstance(value, list) else place
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


WGAN_GP = {"class_path": "lightning_cgan.papers.WGANGP"}
ADAM = {"class_path": "lightning_cgan.optimize.Adam"}


@pytest.mark.parametrize(
    ("argument", "value", "places"),
    [
        ("gp_weight", 10.0, ["model.gp_weight"]),
        ("gp_weight", "1e1", ["model.gp_weight"]),  # a string for YAML, a number for the parser
        ("gp_weight", 1.0, []),
        ("generator", "lightning_cgan.networks.wgan_gp.Generator", ["model.generator"]),
        ("generator", "lightning_cgan.networks.mlp.Generator", []),
        (
            "critic_optimizer",
            ADAM | {"init_args": {"lr": "1e-4", "beta1": 0.0, "beta2": 0.9}},
            ["model.critic_optimizer"],
        ),
        ("critic_optimizer", ADAM | {"init_args": {"lr": "2e-4", "beta1": 0.0, "beta2": 0.9}}, []),
        (
            "generator",
            {"class_path": "lightning_cgan.networks.dcgan.Generator", "init_args": {"width": 64}},
            ["model.generator.width"],
        ),
    ],
)
def test_a_repeated_default_is_found(argument, value, places):
    assert list(repeated_defaults({"model": WGAN_GP | {"init_args": {argument: value}}})) == places


def test_defaults_of_base_classes_and_of_the_command_line_are_found():
    data = {"class_path": "datamodules.Digits", "init_args": {"size": 16, "batch_size": 64}}
    repeated = list(repeated_defaults({"data": data, "trainer": {"devices": 1, "max_steps": 5}, "seed_everything": 0}))
    assert repeated == ["data.size", "data.batch_size", "trainer.devices", "seed_everything"]
