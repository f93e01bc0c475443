"""What README.md, CONTRIBUTING.md, docs/ and the READMEs of the experiments name exists."""

import ast
import re
from pydoc import locate

import pytest
import yaml

import lightning_cgan
from tests.conftest import REPOSITORY

PAGES = sorted(
    path.relative_to(REPOSITORY)
    for pattern in ("*.md", "docs/*.md", "experiments/**/*.md")
    for path in REPOSITORY.glob(pattern)
)
FOLDERS = sorted(path.parent.name for path in REPOSITORY.glob("experiments/*/README.md"))
HISTORY = "CHANGELOG.md"  # names what no longer exists


def found(pattern, page):
    return set(re.findall(pattern, (REPOSITORY / page).read_text()))


@pytest.fixture(scope="module")
def parameters():
    """The names of all parameters of all constructors of the project, read from its source."""
    names = set()
    for place in ("lightning_cgan", "datamodules"):
        for file in (REPOSITORY / place).rglob("*.py"):
            constructors = (node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef))
            names |= {one.arg for node in constructors if node.name == "__init__" for one in node.args.args}
    return names


def test_the_readme_is_short():
    assert len((REPOSITORY / "README.md").read_text().splitlines()) <= 120


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_and_pictures_of_a_page_exist(page):
    targets = found(r"\]\(([^)#]+)[^)]*\)", page) | found(r'src="([^"]+)"', page)
    missing = [t for t in targets if "://" not in t and not (REPOSITORY / page.parent / t).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_files_classes_and_targets_that_a_page_names_exist(page):
    files = found(r"`((?:lightning_cgan|datamodules|tests|experiments|benchmarks|docs)/[\w./]*\w)/?`", page)
    assert not [name for name in files if not (REPOSITORY / name).exists()]
    if page.name != HISTORY:
        classes = found(r"\b((?:lightning_cgan|datamodules|torch|lightning)(?:\.\w+)*\.[A-Z]\w+)\b", page)
        assert not [name for name in classes if locate(name) is None]
    targets = set(re.findall(r"^(\w+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    assert found(r"`make (\w+)", page) <= targets


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != HISTORY], ids=str)
def test_flags_that_a_page_names_exist(page, parameters):
    flags = found(r"\b(?:model|data)((?:\.init_args\.\w+)+)", page)
    named = {name for flag in flags for name in flag.split(".init_args.")[1:]}
    assert named <= parameters


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_experiment_and_picture_of_a_folder_stands_in_its_readme(folder):
    place = REPOSITORY / "experiments" / folder
    pages = (place / "README.md").read_text() + (REPOSITORY / "docs" / "evaluation.md").read_text()
    assert not [path.name for path in place.iterdir() if path.name not in pages and path.name != "README.md"]


def test_every_folder_of_experiments_has_a_readme():
    folders = {path.parent.name for path in REPOSITORY.glob("experiments/*/*.yaml")}
    assert folders - {"cluster", "studies"} == set(FOLDERS)


def test_the_citation_has_the_version_of_the_package():
    assert yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())["version"] == lightning_cgan.__version__


@pytest.mark.parametrize("file", [".pre-commit-config.yaml", ".github/workflows/ci.yml"])
def test_checks_elsewhere_only_call_targets_of_the_makefile(file):
    text = (REPOSITORY / file).read_text()
    commands = re.findall(r"(?:entry|run): (.+)", text)
    targets = set(re.findall(r"^(\w+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    assert commands
    for command in commands:
        program, *named = command.split()
        assert program == "make"
        assert set(named) <= targets
