import ast
import re
from collections import Counter
from functools import cache

import pytest

from tests.mutants.__main__ import enough
from tests.mutants.mutants import REPOSITORY, all_mutants

MUTANTS = all_mutants()


@cache
def tree(file):
    return ast.dump(ast.parse((REPOSITORY / file).read_text()))


def test_every_planted_mistake_still_applies_compiles_and_changes_the_code():
    for mutant in MUTANTS:
        changed = ast.parse(mutant.mutated(), mutant.id)
        compile(changed, mutant.id, "exec")
        assert ast.dump(changed) != tree(mutant.file), f"{mutant.id} changes no code"


def test_every_test_that_the_list_names_exists():
    for mutant in MUTANTS:
        for test in mutant.tests:
            path, *names = re.sub(r"\[.*", "", test).split("::")
            found = REPOSITORY / "tests" / path
            source = found.read_text() if found.is_file() else ""
            assert found.exists(), f"{mutant.id}: {test}"
            assert all(re.search(rf"(def|class) {name}", source) for name in names), f"{mutant.id}: {test}"


def test_there_are_150_mistakes_no_two_of_them_the_same():
    assert len(MUTANTS) >= 150
    assert max(Counter(mutant.id for mutant in MUTANTS).values()) == 1
    assert max(Counter((mutant.file, mutant.place(), mutant.after) for mutant in MUTANTS).values()) == 1


def test_a_before_that_occurs_another_number_of_times_is_an_error():
    with pytest.raises(ValueError, match="occurs 1 times"):
        MUTANTS[0]._replace(before="no such code").place()


@pytest.mark.parametrize(
    ("tallies", "passes"),
    [
        ({"a": (50, 50)}, True),
        ({"a": (48, 50)}, True),
        ({"a": (47, 50)}, False),
        ({"a": (12, 13), "b": (87, 87)}, False),
    ],
)
def test_96_percent_in_all_and_93_in_each_area_are_enough(tallies, passes):
    assert enough(tallies) == passes
