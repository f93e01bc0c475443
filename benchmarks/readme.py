"""``make readme``: writes the table of results in README.md from the tables in ``experiments/<paper>/README.md``.

The README of a paper starts with a title and a paragraph "Authors year, [arXiv:ID](link)", and its first table has the
columns experiment, task, score and picture. Papers are sorted by arXiv identifier, which is by date.
"""

import re
import sys
from pathlib import Path
from typing import NamedTuple

from lightning_cgan.errors import UserError

README = Path("README.md")
START, END = "<!-- results: written by make readme -->", "<!-- end of results -->"
HEAD = ("paper", "task", "`lightning-cgan fit --config experiments/…`", "score", "")
COLUMNS = "| experiment | task | score | picture |"
PAPER = re.compile(r"# (?P<name>.+)\n\n(?P<authors>[^\[]+?),?\s+\[arXiv:(?P<arxiv>[\d.]+)\]\((?P<link>[^)]+)\)")
LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<target>[^)]+)\)")


class Paper(NamedTuple):
    """A paper and its results, as in the README of its experiment folder."""

    folder: str  # in experiments/
    name: str
    authors: str  # and year
    arxiv: str
    link: str
    rows: list[list[str]]  # rows of the first table: experiment, task, score, picture


def read_paper(readme: Path) -> Paper | None:
    """The paper of an experiment folder; None if its README has no table of results.

    Raises:
        UserError: if the README has a table of results, but no title and arXiv link above it.
    """
    text = readme.read_text()
    if COLUMNS not in text:
        return None
    head = PAPER.match(text)
    if head is None:
        raise UserError(
            f'A table of results needs "# NAME" and "AUTHORS YEAR, [arXiv:ID](LINK)" above it; got {text[:60]!r}. '
            f"Change {readme}."
        )
    lines = text[text.index(COLUMNS) :].splitlines()[2:]
    table = lines[: next((number for number, line in enumerate(lines) if not line.startswith("|")), len(lines))]
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in table]
    return Paper(readme.parent.name, head["name"], " ".join(head["authors"].split()), head["arxiv"], head["link"], rows)


def row(paper: Paper, cells: list[str], first: bool) -> str:
    """One row of the table in README.md; only the first row of a paper has its name."""
    experiment, task, score, picture = cells
    image, file = LINK.search(picture), LINK.sub(r"\g<text>", experiment)
    return table_row(
        f"[{paper.name}]({paper.link}) ({paper.authors})" if first else "",
        task,
        f"`{paper.folder}/{file}`",
        score,
        f'<img src="experiments/{paper.folder}/{image["target"]}" width="110" alt="{image["text"]}">' if image else "",
    )


def table_row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def results(experiments: Path = Path("experiments")) -> str:
    """The whole table for README.md."""
    papers = [paper for readme in experiments.glob("*/README.md") if (paper := read_paper(readme))]
    papers.sort(key=lambda paper: (paper.arxiv, paper.folder))
    rows = [row(paper, cells, cells is paper.rows[0]) for paper in papers for cells in paper.rows]
    return "\n".join([table_row(*HEAD), table_row(*["---"] * len(HEAD)), *rows])


def with_results(text: str, table: str) -> str:
    """``text`` with ``table`` between the two markers."""
    before, _, rest = text.partition(START)
    after = rest.partition(END)[2]
    return f"{before}{START}\n{table}\n{END}{after}"


def main() -> int:
    README.write_text(with_results(README.read_text(), results()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
