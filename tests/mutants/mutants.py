"""Planted mistakes: small changes of the source that spoil results silently, and the tests that have to fail on them.

A file ``AREA.toml`` (or ``AREA.PART.toml``) holds one table for each mistake; its key is unique in the area:

    [generator-takes-the-rate-of-the-discriminator]
    file = "lightning_cgan/papers/gan.py"
    before = '"generator": generator_optimizer'
    after = '"generator": discriminator_optimizer'
    tests = ["laws/test_optimizers.py"]

``before`` occurs once in ``file``; where it occurs more often, ``nth`` says which is meant (1 is the first) and ``of``
how often it occurs. ``tests`` are beginnings of pytest node ids below ``tests/``: few and quick tests that should see
the mistake.
"""

import tomllib
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent


class Mutant(NamedTuple):
    """One planted mistake; ``id`` is ``AREA/KEY``."""

    id: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]
    nth: int = 1
    of: int = 1

    @property
    def area(self) -> str:
        return self.id.split("/")[0]

    @property
    def line(self) -> int:
        """Number of the first line that changes."""
        return (REPOSITORY / self.file).read_text().count("\n", 0, self.place()) + 1

    def place(self, root: Path = REPOSITORY) -> int:
        """Index of ``before`` in the file below ``root``.

        Raises:
            ValueError: ``before`` does not occur exactly ``of`` times.
        """
        source = (root / self.file).read_text()
        found = source.count(self.before)
        if found != self.of:
            raise ValueError(f"{self.id}: `before` occurs {self.of} times in {self.file}; got {found}. Mend the list.")
        place = -1
        for _ in range(self.nth):
            place = source.index(self.before, place + 1)
        return place

    def mutated(self, root: Path = REPOSITORY) -> str:
        """Text of the file below ``root`` with the mistake in it."""
        source, place = (root / self.file).read_text(), self.place(root)
        return source[:place] + self.after + source[place + len(self.before) :]


def all_mutants() -> list[Mutant]:
    """Every planted mistake, area by area in the order of the lists."""
    listed = [(path.name.split(".")[0], tomllib.loads(path.read_text())) for path in sorted(HERE.glob("*.toml"))]
    return [
        Mutant(f"{area}/{key}", **table | {"tests": tuple(table["tests"])})
        for area, tables in listed
        for key, table in tables.items()
    ]
