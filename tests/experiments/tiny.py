"""What makes an experiment tiny, derived from the constructors that its file names.

Networks become narrow, checkpoints to start from are left out, and data are few. Where that is not enough,
``small/<paper>.yaml`` has more flags, and ``small/<data module>.yaml`` arguments of a data module.
"""

import inspect
import json
from pathlib import Path
from pydoc import locate

import pytest
import yaml
from jsonargparse import ArgumentParser
from torch import nn

from tests.conftest import REPOSITORY
from tests.experiments.signatures import MISSING, defaults_of, factory
from tests.experiments.writers import writer_of

FILES = sorted(
    str(path.relative_to(REPOSITORY / "experiments")).removesuffix(".yaml")
    for path in (REPOSITORY / "experiments").rglob("*.yaml")
    if path.parent.name != "cluster"
)
NARROW = {"width": 8, "fmap_max": 4}  # of a network, by the name of its argument
FEW = {"batch_size": 2, "labels_per_class": 1, "validation_fakes": 20}  # of a data module
AS_THEY_ARE = ("Digits", "Ring", "Grid", "GaussianPairs")  # data whose networks are tiny already
EMPTY = inspect.Parameter.empty


def read(file):
    return yaml.safe_load((REPOSITORY / "experiments" / f"{file}.yaml").read_text())


def small(name):
    """The content of ``small/<name>.yaml``."""
    path = Path(__file__).parent / "small" / f"{name}.yaml"
    return yaml.safe_load(path.read_text()) if path.exists() else {}


def arguments_of(kind):
    """The names of the arguments that a class takes in a configuration."""
    return {name.rpartition(".")[2] for name in ArgumentParser().add_class_arguments(kind, fail_untyped=False)}


def innermost(data, prefix="data.init_args"):
    """The data module below all views, and the prefix of its arguments."""
    held = data.get("init_args", {}).get("data")
    return innermost(held, f"{prefix}.data.init_args") if held else (data, prefix)


def narrow_networks(model):
    """Flags that make the networks of a model narrow.

    Args:
        model: its part of an experiment file.
    """
    given, flags = model.get("init_args", {}), {}
    arguments = defaults_of(locate(model["class_path"])) | given
    for name, value in arguments.items():
        made = None if value in (MISSING, EMPTY) or isinstance(value, list) else factory(value)
        if made is None or not (inspect.isclass(made[0]) and issubclass(made[0], nn.Module)):
            continue
        kind, its_arguments = made
        place, defaults = f"model.init_args.{name}", defaults_of(kind)
        if name not in given and any(size in its_arguments for size in NARROW):
            flags[f"{place}.class_path"] = f"{kind.__module__}.{kind.__qualname__}"
            chosen = {key: one for key, one in its_arguments.items() if one != defaults[key]}
            flags |= {f"{place}.init_args.{key}": one for key, one in chosen.items()}
        flags |= {f"{place}.init_args.{key}": size for key, size in NARROW.items() if key in its_arguments}
        if kind.__name__ == "VGGFeatures":  # its weights are not in the repository
            flags[place] = "lightning_cgan.extractors.PhotoPatches"
    return flags | ({"model.init_args.width": 4} if "width" in arguments else {})


def model_flags(file):
    """The flags of the model of a tiny run, as a list for ``build`` or a command."""
    experiment = read(file)
    model, kind = experiment["model"], innermost(experiment["data"])[0]["class_path"].rpartition(".")[2]
    flags = {} if kind in AS_THEY_ARE else narrow_networks(model)
    if "init_checkpoint" in model.get("init_args", {}):
        flags["model.init_args.init_checkpoint"] = None
    if "n_critic_warmup" in defaults_of(locate(model["class_path"])):
        flags["model.init_args.n_critic_warmup"] = 2
    return as_list(flags | small(file.partition("/")[0]))


def data_flags(file, folder=None, monkeypatch=None):
    """The flags of the data of a tiny run; data on disk are written to ``folder``."""
    whole = read(file)["data"]
    data, prefix = innermost(whole)
    kind = locate(data["class_path"])
    names = arguments_of(kind)
    options = {name: count for name, count in FEW.items() if name in names}
    if "validation_fakes" in names:
        options["evaluation_batch_size"] = 10
    options |= small(kind.__name__)
    if "root" in names:
        options |= writer_of(kind)(folder, monkeypatch, data.get("init_args", {}))
    flags = {f"{prefix}.{name}": value for name, value in options.items()}
    if whole is not data:
        named = arguments_of(locate(whole["class_path"]))
        flags |= {f"data.init_args.{name}": count for name, count in FEW.items() if name in named}
    return as_list(flags)


def as_list(flags):
    return [f"--{name}={'null' if value is None else value}" for name, value in flags.items()]


def with_extractor(file, extractor):
    """The callbacks of the file, which look at images by ``extractor``."""
    callbacks = []
    for callback in read(file)["trainer"].get("callbacks", []):
        callback = {"class_path": callback} if isinstance(callback, str) else callback
        if "extractor" in callback.get("init_args", {}):
            callback["init_args"]["extractor"] = extractor
        callbacks.append(callback)
    return callbacks


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """The flags that make an experiment tiny. Features are mean colours: Inception takes a second for three images."""

    def flags(file, extractor="tests.metrics.colours.Colours"):
        on_disk = "root" in arguments_of(locate(innermost(read(file)["data"])[0]["class_path"]))
        scored = ["--trainer.callbacks", json.dumps(with_extractor(file, extractor))] if on_disk else []
        return [*data_flags(file, tmp_path / "data", monkeypatch), *scored, *model_flags(file)]

    return flags
