from inspect import signature
from pathlib import Path

import pytest

import lightning_cgan.papers
from tests.golden.cases import PAPERS
from tests.golden.record import FOLDER, differences, golden, record

NO_PAPERS = {"__init__", "base", "kinds"}
ONE_VALUE = {  # arguments that do not change the update, or whose value is a network or an image
    *("spec", "pad", "init_checkpoint", "generator", "discriminator", "critic", "classifier", "features", "style"),
}
CASES = [(paper, name, case) for paper, cases in PAPERS.items() for name, case in cases().items()]


def test_every_paper_has_golden_updates():
    papers = {path.stem for path in Path(lightning_cgan.papers.__file__).parent.glob("*.py")} - NO_PAPERS
    assert papers == PAPERS.keys() == {path.stem for path in FOLDER.glob("*.json")}


@pytest.mark.parametrize("paper", PAPERS)
def test_every_case_of_a_paper_is_in_its_golden_file(paper):
    assert PAPERS[paper]().keys() == golden(paper).keys()


@pytest.mark.parametrize("paper", PAPERS)
def test_every_argument_of_a_paper_has_two_values_in_its_golden_cases(paper):
    models = [case.model for case in PAPERS[paper]().values() if not callable(case)]
    for kind in {model.func for model in models}:
        for name, argument in signature(kind).parameters.items():
            values = {repr(model.keywords.get(name, argument.default)) for model in models}
            assert len(values) > 1 or name in ONE_VALUE or name.endswith("optimizer"), name
        roles = [name for name in signature(kind).parameters if name.endswith("optimizer")]
        assert len(roles) == 1 or any(len({model.keywords.get(role) for role in roles}) > 1 for model in models)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("paper", "name", "case"), CASES, ids=[f"{paper}-{name}" for paper, name, _ in CASES])
def test_updates_are_what_they_were(paper, name, case):
    now = case() if callable(case) else record(case)
    assert differences(now, golden(paper)[name]) == []
