"""Configurations and checkpoints that try to run code: none runs, and nothing foreign is imported."""

import os
import pickle
import sys
from pathlib import Path

import pytest
import torch
import yaml

from lightning_cgan import build, load
from lightning_cgan.cli.lightning import main
from lightning_cgan.papers.gan import GAN

EXPERIMENT = "experiments/gan/ring.yaml"
MODEL, DATA, TRAINER = "model.init_args", "data", "trainer"
SCORES = "lightning_cgan.callbacks.Scores"
ATTACKS = {
    "os.system": {"command": "touch {ran}"},
    "subprocess.getoutput": {"cmd": "touch {ran}"},
    "timeit.timeit": {"stmt": "open('{ran}', 'w')", "number": 1},
    "cProfile.run": {"statement": "open('{ran}', 'w')"},
    "runpy.run_path": {"path_name": "{folder}/bad_on_import.py"},
    "torch.load": {"f": "{folder}/bad.pickle", "weights_only": False},
    "builtins.eval": {"source": "open('{ran}', 'w')"},
    "bad_on_import.Anything": {},
    "torch.hub.load": {"repo_or_dir": "{folder}", "model": "bad", "source": "local"},
    "importlib.import_module": {"name": "bad_on_import"},
    "torch.nn.parallel.distributed.os.system": {"command": "touch {ran}"},
    "lightning.pytorch.cli.os.system": {"command": "touch {ran}"},
    "lightning_cgan.cli.lightning.main": {"args": ["fit", "--config", "experiments/gan/ring.yaml"]},
    "lightning_cgan.cli.lightning.sys.exit": {"status": 0},
    "lightning_cgan.runs.run_folder.set_aside": {"folder": "{folder}"},
    "lightning_cgan.papers.GAN.load_from_checkpoint": {"checkpoint_path": "{folder}/bad.pickle"},
    "lightning.pytorch.demos.boring_classes.BoringModel.load_from_checkpoint": {
        "checkpoint_path": "{folder}/bad.pickle",
        "weights_only": False,
    },
    "torchvision.datasets.utils.download_url": {"url": "file://{folder}/bad.pickle", "root": "{folder}/out"},
    "torchmetrics.image.fid.FrechetInceptionDistance": {"feature_extractor_weights_path": "{folder}/bad.pickle"},
    "lightning_cgan.__main__.main": {},
    "lightning_cgan.load": {"checkpoint": "{folder}/gift.ckpt", "trust": ["bad_on_import"]},
    "lightning_cgan.api.build": {"experiment": "{folder}/gift.yaml", "trust": ["bad_on_import"]},
    "lightning_cgan.config.stored_model.stored_model": {
        "described": {"model": "lightning_cgan.papers.GAN", "init_args": {"generator": "bad_on_import.Anything"}},
        "path": "x",
        "trust": ["bad_on_import"],
    },
    "antigravity.geohash": {"latitude": 1.0, "longitude": 1.0, "datedow": ""},
    "this.d": {},
    "functools.partial": {"func": "os.system"},
    "operator.attrgetter": {"attr": "system"},
}
PLACES = [
    f"{MODEL}.generator",
    f"{MODEL}.discriminator",
    f"{MODEL}.generator_optimizer",
    f"{MODEL}.schedule",
    f"{MODEL}.generator.init_args.width",
    "data",
    "data.init_args.batch_size",
    "trainer.callbacks",
    "trainer.logger",
    "trainer.plugins",
    "trainer.strategy",
    "trainer.profiler",
    "extractor",
]


class Runs:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder from which Python imports, but not the working directory, with code that leaves a trace when run."""
    (tmp_path / "bad_on_import.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nAnything = object\n")
    (tmp_path / "hubconf.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    (tmp_path / "bad.pickle").write_bytes(pickle.dumps(Runs(tmp_path / "ran")))
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    assert not (tmp_path / "ran").exists(), "code ran"
    assert not (tmp_path / "out").exists()
    assert tmp_path.exists()
    assert not (set(sys.modules) - before) & {"bad_on_import", "antigravity", "this", "lightning_cgan.__main__"}


def filled(value, folder):
    """``value`` with the folder's paths in it."""
    if isinstance(value, dict):
        return {key: filled(part, folder) for key, part in value.items()}
    if isinstance(value, list):
        return [filled(part, folder) for part in value]
    return value.format(ran=folder / "ran", folder=folder) if isinstance(value, str) else value


def attack(name, folder, place="generator"):
    """What to write at ``place`` so that ``name`` is called."""
    return {"class_path": name, "init_args": filled(ATTACKS[name], folder)}


def experiment(place, value):
    """The ring experiment with ``value`` at ``place``."""
    tree = yaml.safe_load(Path(EXPERIMENT).read_text())
    if place == "extractor":
        place, value = "trainer.callbacks", [{"class_path": SCORES, "init_args": {"extractor": value}}]
    *parents, last = place.split(".")
    at = tree
    for parent in parents:
        if isinstance(at.get(parent), str):
            at[parent] = {"class_path": at[parent]}
        at = at.setdefault(parent, {})
    at[last] = [value] if last == "callbacks" and not isinstance(value, list) else value
    return tree


def checkpoint(folder, place, value):
    """A checkpoint of such an experiment."""
    model = experiment(place, value)["model"]
    model["init_args"]["spec"] = [2, 1, 0]
    torch.save({"state_dict": {}, "global_step": 1, "hyper_parameters": {"model": model}}, folder / "gift.ckpt")
    return folder / "gift.ckpt"


def said(text, name):
    """Whether a refusal names what was refused, and the way to allow it where there is one."""
    return name in text and ("trust" in text or "is expected" in text or "a class or a function" in text)


def check_refused(read, path, name):
    """``read`` refuses the file at ``path`` with its name, what was refused, and the way to allow it."""
    with pytest.raises(ValueError, match=r".") as refused:
        read(path)
    assert said(str(refused.value), name)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize("name", ATTACKS)
def test_no_attack_runs_from_a_yaml_file(folder, name):
    path = folder / "gift.yaml"
    for place in (f"{MODEL}.generator", f"{MODEL}.schedule"):
        path.write_text(yaml.safe_dump(experiment(place, attack(name, folder))))
        check_refused(build, path, name)


@pytest.mark.parametrize("name", ATTACKS)
def test_no_attack_runs_from_a_checkpoint(folder, name):
    for place, read in ((f"{MODEL}.generator", load), (f"{MODEL}.schedule", GAN.load_from_checkpoint)):
        check_refused(read, checkpoint(folder, place, attack(name, folder)), name)


@pytest.mark.parametrize("name", ATTACKS)
def test_no_function_is_taken_by_its_bare_name_from_a_checkpoint(folder, name):
    with pytest.raises(ValueError, match=r".") as refused:
        load(checkpoint(folder, f"{MODEL}.schedule", name))
    assert said(str(refused.value), name)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("command", ["fit", "validate"])
def test_no_place_of_a_configuration_runs_code(folder, capsys, command, place):
    path = folder / "gift.yaml"
    path.write_text(yaml.safe_dump(experiment(place, attack("os.system", folder))))
    assert main([command, f"--config={path}", f"--trainer.default_root_dir={folder / 'run'}"]) == 2
    told = capsys.readouterr().err
    assert said(told, "os.system")
    assert f"--config {path}" in told
    assert "--trust os" in told
    assert len(told.splitlines()) <= 3


@pytest.mark.parametrize("place", [f"{MODEL}.generator", f"{MODEL}.schedule", "data", "trainer.callbacks+", "model"])
@pytest.mark.parametrize("name", ["os.system", "bad_on_import.Anything"])
def test_no_flag_names_foreign_code(folder, capsys, place, name):
    flags = [f"--{place}", name, "--trainer.default_root_dir", str(folder / "run")]
    assert main(["fit", "--config", EXPERIMENT, *flags]) == 2
    told = capsys.readouterr().err
    assert said(told, name)
    assert f"--{place}" in told


@pytest.mark.parametrize(
    "flags",
    [
        ["--model.class_path", "os.system"],
        ["--model.init_args.schedule.class_path=os.system"],
        ["--trainer.callbacks+={class_path: os.system, init_args: {command: 'touch ran'}}"],
        ['--trainer.callbacks=[{"class_path": "os.system"}]'],
        ["--trainer.logger.class_path", "os.system"],
        ["--model", "{folder}/part.yaml"],
        ["--model.init_args", "{folder}/part.yaml"],
        ["--model.init_args.generator", "{folder}/part.yaml"],
        ["--model.init_args.generator", "{folder}/outer.yaml"],
        ["--config", "{folder}/overlay.yaml"],
        ["-c", "{folder}/overlay.yaml"],
        ["--config", "{model: {class_path: os.system}}"],
        ["--model.help", "os.system"],
        ["--model.init_args.generator.help", "os.system"],
    ],
)
def test_no_way_to_write_it_gets_past(folder, capsys, flags):
    part = attack("os.system", folder)
    (folder / "part.yaml").write_text(yaml.safe_dump(part))
    (folder / "outer.yaml").write_text(yaml.safe_dump({"class_path": "torch.nn.Sequential", "init_args": "part.yaml"}))
    (folder / "overlay.yaml").write_text(yaml.safe_dump({"model": {"init_args": {"generator": part}}}))
    assert main(["fit", f"--config={EXPERIMENT}", *(flag.replace("{folder}", str(folder)) for flag in flags)]) == 2
    assert "os.system" in capsys.readouterr().err


def test_a_file_cannot_trust_what_it_names(folder, capsys):
    path = folder / "gift.yaml"
    path.write_text(yaml.safe_dump({"trust": ["bad_on_import"], **experiment("data", "bad_on_import.Anything")}))
    assert main(["fit", f"--config={path}"]) == 2
    assert "trust" in capsys.readouterr().err


def test_what_a_checkpoint_says_of_its_model_is_not_read_when_a_run_resumes(folder, run, state):
    assert run("fit", steps=1) == 0
    content = state()
    content["hyper_parameters"]["model"]["init_args"]["generator"] = attack("os.system", folder)
    content["hyper_parameters"] |= {"_instantiator": "os.system", "_class_path": "bad_on_import.Anything"}
    torch.save(content, folder / "gift.ckpt")
    flags = [f"--ckpt_path={folder / 'gift.ckpt'}", f"--trainer.default_root_dir={folder / 'other'}"]
    assert run("validate", *flags) == 0


@pytest.mark.parametrize(
    "described",
    [
        None,
        7,
        "experiments/gan/ring.yaml",
        ["os.system"],
        {"class_path": None},
        {"class_path": ["os.system"]},
        {"class_path": "lightning_cgan.papers.GAN", "init_args": "bad.yaml"},
        {"class_path": "lightning_cgan.papers.GAN", "init_args": {"schedule": torch.zeros(1)}},
    ],
)
def test_a_checkpoint_that_describes_no_model_is_refused(folder, described):
    torch.save({"state_dict": {}, "hyper_parameters": {"model": described}}, folder / "gift.ckpt")
    with pytest.raises(ValueError, match=r"gift\.ckpt"):
        load(folder / "gift.ckpt")


def test_a_checkpoint_that_holds_itself_is_refused(folder):
    tree = {"class_path": "lightning_cgan.papers.GAN"}
    for _ in range(200):
        tree = {"class_path": "lightning_cgan.papers.GAN", "init_args": {"generator": tree}}
    torch.save({"state_dict": {}, "hyper_parameters": {"model": tree}}, folder / "gift.ckpt")
    with pytest.raises(ValueError, match="deep"):
        load(folder / "gift.ckpt")


@pytest.mark.parametrize("command", ["fit", "test"])
def test_a_checkpoint_is_never_unpickled_from_an_address_or_a_file(folder, capsys, command):
    assert main([command, f"--config={EXPERIMENT}", "--ckpt_path=https://example.org/x.ckpt"]) == 2
    assert "Download it" in capsys.readouterr().err
    pickled = [f"--config={EXPERIMENT}", f"--ckpt_path={folder / 'bad.pickle'}", "--weights_only=false"]
    assert main([command, *pickled]) == 2
    assert "weights_only" in capsys.readouterr().err
    with pytest.raises(ValueError, match="Download it"):
        load("https://example.org/x.ckpt")


def generated(command):
    """A network whose source text torch generates from the name of a layer, which ends the string that it stands in."""
    name = f'q|[", None) or getattr(__import__("os"), "system")("{command}") or getattr(self, "]x'
    layers = {
        "class_path": "torch.nn.ModuleDict",
        "init_args": {"modules": {name: {"class_path": "torch.nn.Identity"}}},
    }
    inside = {"class_path": "torchvision.models._utils.IntermediateLayerGetter"}
    inside["init_args"] = {"model": layers, "return_layers": {name: "out"}}
    made = {"class_path": "torchvision.models.feature_extraction.create_feature_extractor"}
    return made | {"init_args": {"model": inside, "return_nodes": [name]}}


def copied(folder):
    """A network with a weight for which a function copies a file."""
    read = {"class_path": "torchvision.io.read_file", "init_args": {"path": str(folder / "bad.pickle")}}
    write = {"class_path": "torchvision.io.write_file", "init_args": {"filename": str(folder / "out"), "data": read}}
    return {"class_path": "torch.nn.CrossEntropyLoss", "init_args": {"weight": write}}


def test_no_network_is_compiled_from_names_in_a_configuration(folder):
    path = folder / "gift.yaml"
    value = generated(f"touch {folder / 'ran'}")
    path.write_text(yaml.safe_dump(experiment(f"{MODEL}.generator", value)))
    for read, file in ((build, path), (load, checkpoint(folder, f"{MODEL}.generator", value))):
        with pytest.raises(ValueError, match=r"create_feature_extractor"):
            read(file)


def test_no_function_writes_a_file_for_a_tensor_in_a_configuration(folder):
    path = folder / "gift.yaml"
    path.write_text(yaml.safe_dump({"model": {"init_args": {"features": copied(folder)}}}))
    with pytest.raises(ValueError, match=r"write_file"):
        build("experiments/srresnet/photos.yaml", "--config", str(path))
