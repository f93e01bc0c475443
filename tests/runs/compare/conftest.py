import copy
import json

import pytest
import yaml

from lightning_cgan.cli.main import main

CONFIG = {
    "seed_everything": 0,
    "trainer": {"max_steps": 1000, "precision": "32-true", "devices": 1, "default_root_dir": "runs/a"},
    "model": {
        "class_path": "lightning_cgan.papers.ProjectionGAN",
        "init_args": {
            "generator": {"class_path": "lightning_cgan.networks.sngan.Generator", "init_args": {"width": 64}},
            "generator_optimizer": {"class_path": "lightning_cgan.optimize.Adam", "init_args": {"lr": 0.002}},
            "n_critic": 2,
        },
    },
    "data": {"class_path": "datamodules.Digits", "init_args": {"size": 16, "num_workers": 0}},
}
CARD = {
    "fakes": 5000,
    "reals": 500,
    "reference": {"split": "test", "images": 500, "sha256": "b388956de13c555f" * 4},
    "extractor": {"name": "digits-classifier", "resize": "bilinear to 16x16", "sha256": "965ce338db0d27e4" * 4},
    "conventions": {"inception_splits": 10},
    "protocol": "OWN",
    "weights": "raw",
    "versions": {"torch": "2.15.0", "lightning-cgan": "0.1.0"},
    "update": 1000,
    "checkpoint": {"name": "last.ckpt", "sha256": "aa"},
    "commit": "c" * 40,
    "scored": 1,
}


def changed(tree, changes):
    """A copy of ``tree`` with values at dotted keys replaced."""
    tree = copy.deepcopy(tree)
    for key, value in changes.items():
        *path, last = key.split(".")
        place = tree
        for part in path:
            place = place[part]
        place[last] = value
    return tree


@pytest.fixture
def a_run(tmp_path, monkeypatch):
    """Writes a run folder: ``a_run("a", seed=1, fid=11.5, config={...}, card={...})``; returns its name."""
    monkeypatch.chdir(tmp_path)

    def write(name, seed=0, config=(), card=(), split="test", notes=(), se=0.3, **scores):
        card = changed(CARD | {"training_seed": seed}, dict(card))
        errors = {} if se is None else dict.fromkeys(scores, se)
        entry = {"scores": scores or {"fid": 11.0}, "standard_errors": errors, "notes": list(notes), "card": card}
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        path = folder / "metrics.json"
        before = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps(before | {split: entry}))
        config = changed(CONFIG, {"seed_everything": seed, "trainer.default_root_dir": name} | dict(config))
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        return name

    return write


@pytest.fixture
def compare(capsys):
    """Runs the command on success: what it prints."""

    def run(*args):
        assert main(["compare", *args]) == 0
        return capsys.readouterr().out

    return run


@pytest.fixture
def refusal(capsys):
    """Runs the command on what it must refuse: what it says, without a trace and without a table."""

    def run(*args):
        assert main(["compare", *args]) == 2
        told = capsys.readouterr()
        assert told.out == ""
        assert "Traceback" not in told.err
        return told.err

    return run


def rows(printed):
    table = [line for line in printed.splitlines() if line.startswith("|")]
    return [[word.strip() for word in line.strip("|").split(" | ")] for line in table]


def several(a_run, name, values, **more):
    return [a_run(f"{name}{seed}", seed, fid=fid, **more) for seed, fid in enumerate(values)]
