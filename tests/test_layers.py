"""The import rule of the project: sharing goes down."""

import ast
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

ANYWHERE = "lightning_cgan.errors", "lightning_cgan._compat"
CORE = [
    "lightning_cgan.batches",
    "lightning_cgan.checksum",
    "lightning_cgan.clock",
    "lightning_cgan.disk_cache",
    "lightning_cgan.interfaces",
    "lightning_cgan.keyed",
    "lightning_cgan.protocol",
    "lightning_cgan.short_names",
]
STEPS = ["lightning_cgan.finite", "lightning_cgan.optimize", "lightning_cgan.schedules"]
LOADABLE = "lightning_cgan.config.stored_model"  # gives a LightningModule its load_from_checkpoint
MAY_IMPORT = {
    "lightning_cgan/errors.py": [],
    "lightning_cgan/_compat.py": [],
    "lightning_cgan/checksum.py": [],
    "lightning_cgan/console.py": [],
    "lightning_cgan/short_names.py": [],
    "lightning_cgan/batches.py": [],
    "lightning_cgan/interfaces.py": ["lightning_cgan.batches", "lightning_cgan.protocol"],
    "lightning_cgan/batch_check.py": ["lightning_cgan.batches", "lightning_cgan.interfaces"],
    "lightning_cgan/keyed.py": [],
    "lightning_cgan/protocol.py": [],
    "lightning_cgan/disk_cache.py": [],
    "lightning_cgan/clock.py": [],
    "lightning_cgan/finite.py": [],
    "lightning_cgan/optimize.py": ["lightning_cgan.clock", *STEPS],
    "lightning_cgan/schedules": ["lightning_cgan.console", "lightning_cgan.schedules", "lightning_cgan.short_names"],
    "lightning_cgan/image_pool.py": ["lightning_cgan.keyed"],
    "lightning_cgan/style_picture.py": ["lightning_cgan.batches"],
    "lightning_cgan/checks.py": ["lightning_cgan.batches", "lightning_cgan.interfaces"],
    "lightning_cgan/losses": [*CORE, "lightning_cgan.losses"],
    "lightning_cgan/networks": [*CORE, "lightning_cgan.networks"],
    "lightning_cgan/extractors": [*CORE, *STEPS, LOADABLE, "lightning_cgan.extractors"],
    "lightning_cgan/metrics": [*CORE, *STEPS, LOADABLE, "lightning_cgan.extractors", "lightning_cgan.metrics"],
    "datamodules": [*CORE, "datamodules"],
    "lightning_cgan/papers": [
        *CORE,
        *STEPS,
        LOADABLE,
        "lightning_cgan.batch_check",
        "lightning_cgan.losses",
        "lightning_cgan.networks",
        "lightning_cgan.extractors",
        "lightning_cgan.image_pool",
        "lightning_cgan.style_picture",
        "lightning_cgan.checks",
        "lightning_cgan.papers",
    ],
    "lightning_cgan/runs": [*CORE, "lightning_cgan.console", "lightning_cgan.runs"],
    "lightning_cgan/callbacks": [
        *CORE,
        "lightning_cgan.finite",
        "lightning_cgan.extractors",
        "lightning_cgan.metrics",
        "lightning_cgan.callbacks",
        "lightning_cgan.console",
        "lightning_cgan.runs",
    ],
    "lightning_cgan/config": ["lightning_cgan.config", "lightning_cgan.console", "lightning_cgan.runs"],
    "lightning_cgan/cli/main.py": [],  # imports what it runs by name, when it runs
    "lightning_cgan/cli/fetch_weights.py": ["lightning_cgan.extractors"],
    "lightning_cgan/cli": [
        *CORE,
        "lightning_cgan.callbacks",
        "lightning_cgan.config",
        "lightning_cgan.console",
        "lightning_cgan.extractors",
        "lightning_cgan.runs",
    ],
    "lightning_cgan/api.py": ["lightning_cgan.cli", "lightning_cgan.config", "lightning_cgan.runs"],
    "lightning_cgan/demo.py": ["lightning_cgan.cli", "lightning_cgan.console", "lightning_cgan.runs"],
    "lightning_cgan/__init__.py": ["lightning_cgan.api"],
    "lightning_cgan/__main__.py": ["lightning_cgan.cli"],
}


def python_files(place):
    path = REPOSITORY / place
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def our_imports(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.startswith(("lightning_cgan", "datamodules")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("lightning_cgan", "datamodules")):
            bare = node.module in ("lightning_cgan", "datamodules")
            yield from (f"{node.module}.{name.name}" if bare else node.module for name in node.names)


@pytest.mark.parametrize("layer", MAY_IMPORT)
def test_a_layer_imports_only_what_lies_below_it(layer):
    for file in python_files(layer):
        for name in our_imports(file):
            assert name.startswith((*ANYWHERE, *MAY_IMPORT[layer])), f"{file} must not import {name}"


def test_no_paper_imports_another():
    for file in python_files("lightning_cgan/papers"):
        shared = ("lightning_cgan.papers.base", "lightning_cgan.papers.kinds")
        others = [name for name in our_imports(file) if name.startswith("lightning_cgan.papers")]
        assert set(others) <= set(shared)


def test_every_file_belongs_to_a_layer():
    ruled = {file for layer in MAY_IMPORT for file in python_files(layer)}
    files = {*python_files("lightning_cgan"), *python_files("datamodules")}
    assert {file for file in files - ruled if file.read_text()} == set()


def test_files_stay_short():
    for place in ("lightning_cgan", "datamodules", "tests"):
        for file in python_files(place):
            assert len(Path(file).read_text().splitlines()) <= 400, file


def test_functions_stay_short():
    for place in ("lightning_cgan", "datamodules", "tests", "benchmarks"):
        for file in python_files(place):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.FunctionDef):
                    assert node.end_lineno - node.lineno < 45, f"{file}: {node.name}"


def test_attributes_are_hardly_ever_asked_for_by_name():
    asked = [
        f"{file.relative_to(REPOSITORY)}:{node.lineno}"
        for place in ("lightning_cgan", "datamodules")
        for file in python_files(place)
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("getattr", "hasattr")
    ]
    assert len(asked) <= 10, asked
