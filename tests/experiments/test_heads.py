"""The head of an experiment file: what the run is, how long it takes, the command, and what an ablation changes."""

import re
from itertools import combinations

import pytest
import yaml

from tests.conftest import REPOSITORY
from tests.experiments.tiny import FILES

DIFFERS = re.compile(r"Differs from ([\w.]+) in ([^\n]+?)\.(?: |$)")
FOLDERS = sorted({file.partition("/")[0] for file in FILES})


def head_of(file):
    """The comment at the top of a file, as one line."""
    text = (REPOSITORY / "experiments" / f"{file}.yaml").read_text()
    return " ".join(line.lstrip("# ") for line in text[: text.index("model:")].splitlines())


def settings_of(file):
    """The arguments of model, data and trainer, each under its place."""
    configuration = yaml.safe_load((REPOSITORY / "experiments" / f"{file}.yaml").read_text())
    settings = {f"trainer.{name}": value for name, value in configuration["trainer"].items()}
    for part in ("model", "data"):
        settings[f"{part}.class_path"] = configuration[part]["class_path"]
        settings |= {f"{part}.{name}": value for name, value in configuration[part].get("init_args", {}).items()}
    return settings


def differing(file, other):
    """The places in which two files differ."""
    one, two = settings_of(file), settings_of(other)
    return {place for place in {*one, *two} if one.get(place) != two.get(place)}


def stated(file):
    """The file that a head compares its own with, and the places it names; None if it compares with none."""
    match = DIFFERS.search(head_of(file))
    if match is None:
        return None, set()
    return f"{file.partition('/')[0]}/{match[1].removesuffix('.yaml')}", set(match[2].split(", "))


@pytest.mark.parametrize("file", FILES)
def test_a_head_is_short_and_has_time_and_command(file):
    text = (REPOSITORY / "experiments" / f"{file}.yaml").read_text()
    head = text[: text.index("model:")].splitlines()
    assert 3 <= len(head) <= 6
    assert all(line.startswith("# ") for line in head)
    assert any(line.startswith("# Time: ") for line in head)
    assert f"# Command: lightning-cgan fit --config experiments/{file}.yaml" in text


@pytest.mark.parametrize("file", [file for file in FILES if stated(file)[0]])
def test_what_a_head_says_to_differ_is_all_that_differs(file):
    other, places = stated(file)
    assert places == differing(file, other)


@pytest.mark.parametrize("folder", FOLDERS)
def test_files_that_differ_in_two_settings_say_so(folder):
    files = [file for file in FILES if file.startswith(f"{folder}/")]
    for one, two in combinations(files, 2):
        if len(differing(one, two)) <= 2:
            bases = {stated(one)[0], stated(two)[0]} - {None}
            assert bases & {one, two} or len(bases) == 1, f"{one}.yaml and {two}.yaml"
