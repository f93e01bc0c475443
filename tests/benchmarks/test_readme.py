"""The table of results in README.md, which ``make readme`` writes."""

from pathlib import Path

import pytest

from benchmarks.readme import read_paper, results, with_results
from lightning_cgan.errors import UserError
from tests.conftest import REPOSITORY

EXAMPLE = """# Some GAN

Doe & Roe
2030, [arXiv:3001.00001](https://arxiv.org/abs/3001.00001). Code: [x.py](x.py).

| experiment | task | score | picture |
| --- | --- | --- | --- |
| [a.yaml](a.yaml) | digits | FID 1.0 | ![an image](a.png) |
| [b.yaml](b.yaml) | photos | FID 2.0 | |

| experiment | task |
| --- | --- |
| [c.yaml](c.yaml) | not a result |
"""


@pytest.fixture
def experiments(tmp_path):
    """A folder of experiments with one paper, and one folder that measures nothing."""
    for name, text in (("some", EXAMPLE), ("tool", "# A tool\n\nNo table.\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "README.md").write_text(text)
    return tmp_path


def test_the_table_in_the_readme_is_that_of_the_experiments():
    text = Path("README.md").read_text()
    assert with_results(text, results()) == text, "run make readme"


def test_a_table_names_a_paper_once_and_only_its_first_table_counts(experiments):
    _, _, first, second = results(experiments).splitlines()
    assert first == (
        "| [Some GAN](https://arxiv.org/abs/3001.00001) (Doe & Roe 2030) | digits | `some/a.yaml` | FID 1.0 "
        '| <img src="experiments/some/a.png" width="110" alt="an image"> |'
    )
    assert second == "|  | photos | `some/b.yaml` | FID 2.0 |  |"


def test_papers_come_in_the_order_of_their_arxiv_identifiers(experiments):
    earlier = experiments / "z"
    earlier.mkdir()
    (earlier / "README.md").write_text(EXAMPLE.replace("3001", "3000").replace("Some", "Earlier"))
    table = results(experiments)
    assert table.index("Earlier GAN") < table.index("Some GAN")


def test_results_without_a_paper_above_them_are_refused(experiments):
    (experiments / "some" / "README.md").write_text(EXAMPLE.replace("arXiv", "archive"))
    with pytest.raises(UserError, match=r"arXiv:ID.* got .*Change .*README.md"):
        results(experiments)


def test_only_the_text_between_the_markers_is_replaced():
    text = (REPOSITORY / "README.md").read_text()
    replaced = with_results(text, "| another table |")
    assert with_results(replaced, results()) == with_results(text, results())
    assert "| another table |" not in with_results(replaced, "")


def test_a_folder_without_a_table_of_results_has_no_paper(experiments):
    assert read_paper(experiments / "tool" / "README.md") is None
