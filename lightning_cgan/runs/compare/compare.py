"""``lightning-cgan compare RUN...``: one table of scored runs, with the spread over training seeds.

Runs whose configurations differ only in the seed form one row. Scores that were measured in different ways are refused.
"""

import argparse
from difflib import get_close_matches
from pathlib import Path

from lightning_cgan.errors import UserError
from lightning_cgan.runs.compare.run_labels import run_labels
from lightning_cgan.runs.compare.runs import ScoredRun, check_cards, covered, differing, exact, read_run, shown, some
from lightning_cgan.runs.compare.table import Row, csv_text, markdown
from lightning_cgan.runs.score_info import COLUMNS, SCORES


def main(args: list[str]) -> int:
    """Prints the table; the exit status.

    Raises:
        UserError: for runs that cannot be compared, with the reason and what to do.
    """
    asked, more = parser().parse_known_args(args)
    check_joined(asked.scores, [*asked.run, *more])
    asked = parser().parse_args(args)
    allowed = [name for given in asked.allow for name in given.split(",")]
    check_files([path for path in (asked.csv, asked.markdown) if path], asked.run)
    runs = [read_run(folder, asked.split) for folder in asked.run]
    notes = check_cards(runs, allowed)
    rows, more = rows_of(runs, allowed)
    names = chosen_scores(runs, asked.scores)
    table = markdown(rows, names, [caption(runs, asked.split), *notes, *more, *remarks(rows, names)])
    print(table, end="")
    if asked.csv:
        write(asked.csv, csv_text(rows))
    if asked.markdown:
        write(asked.markdown, table)
    return 0


def parser() -> argparse.ArgumentParser:
    description = __doc__.partition(": ")[2] if __doc__ else ""  # without Python's marks
    made = argparse.ArgumentParser("lightning-cgan compare", description=description, allow_abbrev=False)
    made.add_argument("run", nargs="+", help="run folder, with its metrics.json and config.yaml")
    made.add_argument("--split", default="test", help="name in metrics.json: test (default), test_last, val, ...")
    made.add_argument("--scores", help="columns, such as fid,kid,accuracy; the usual ones that there are by default")
    made.add_argument("--csv", metavar="FILE", help="file for every score of every run, unrounded")
    made.add_argument("--markdown", metavar="FILE", help="file for the table that is printed")
    made.add_argument(
        "--allow", action="append", default=[], metavar="NAME", help="card field or configuration key that may differ"
    )
    return made


def check_joined(scores: str | None, words: list[str]) -> None:
    """Refuse names of scores that follow ``--scores`` as separate words, and would be read as runs.

    Raises:
        UserError: with the option as it should be written.
    """
    separate = [word for word in words if word.strip(",") in SCORES and not Path(word).exists()]
    if scores is not None and separate:
        joined = ",".join(word.strip(",") for word in [scores, *separate])
        raise UserError(
            f"--scores takes names joined by commas; got {' '.join([scores, *separate])}. Set --scores {joined}."
        )


def rows_of(runs: list[ScoredRun], allowed: list[str]) -> tuple[list[Row], list[str]]:
    """The runs grouped into rows by configuration, in the order given, and notes for the reader.

    Raises:
        UserError: for a row with a repeated seed, or with seeds of different training lengths.
    """
    notes: list[str] = []
    for key in dict.fromkeys(key for run in runs for key in run.config if covered(key, allowed)):
        difference = differing(key, runs, [run.config.get(key) for run in runs])
        notes += [f"Allowed to differ: {difference}."] if difference else []
    configs = [{key: value for key, value in run.config.items() if not covered(key, allowed)} for run in runs]
    kinds = {exact(config): config for config in configs}
    names, more = run_labels(list(kinds.values()))
    rows = []
    for kind, name in zip(kinds, names, strict=True):
        members = [run for run, config in zip(runs, configs, strict=True) if exact(config) == kind]
        rows.append(Row(name, sorted(members, key=by_seed)))
    for row in rows:
        check_seeds(row)
        more += check_lengths(row, covered("update", allowed))
    return rows, notes + more


def by_seed(run: ScoredRun) -> tuple[bool, int]:
    return run.seed is None, run.seed or 0


def check_seeds(row: Row) -> None:
    """Refuse repeated seeds, which are not independent."""
    first: dict[int | None, str] = {}
    for run in row.runs:
        if run.seed in first:
            raise UserError(
                f"A seed counts once; {row.name} has seed {run.seed} in {first[run.seed]} and in {run.folder}. "
                "Leave one of them out."
            )
        first[run.seed] = run.folder


def check_lengths(row: Row, allowed: bool) -> list[str]:
    """Refuse rows of different training lengths; a note if all runs of a row stopped early."""
    reached = [run.reached for run in row.runs if run.reached is not None]
    difference = differing("update", row.runs, [run.reached for run in row.runs])
    if len(set(reached)) > 1 and not allowed:
        short = min((run for run in row.runs if run.reached is not None), key=lambda run: run.reached or 0)
        raise UserError(
            f"The seeds of a row are trained equally long; of {row.name}\n{difference}\n"
            f"Finish with `lightning-cgan fit --config {short.folder}/config.yaml` and score again, "
            "or add --allow update"
        )
    if len(set(reached)) > 1:
        return [f"Allowed to differ: {difference} of {row.name}."]
    length = row.runs[0].config.get("trainer.max_steps")
    short_of = reached and length and reached[0] < length
    return [f"{row.name} had come to update {reached[0]} of {length}."] if short_of else []


def chosen_scores(runs: list[ScoredRun], asked: str | None) -> list[str]:
    """The columns.

    Raises:
        UserError: for a score that no run has.
    """
    known = list(dict.fromkeys(name for run in runs for name in run.scores))
    if asked is None:
        return [name for name in COLUMNS if name in known] or known
    names = [name.strip() for name in asked.split(",")]
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            raise UserError(
                f"--scores names scores that the runs have: {', '.join(known)}; got {name}."
                + (f" The nearest name is {near[0]}." if near else "")
            )
    return list(dict.fromkeys(names))


def caption(runs: list[ScoredRun], split: str) -> str:
    """How the scores were measured, as far as the cards agree."""
    same = {key: value for key, value in runs[0].card.items() if all(run.card.get(key) == value for run in runs)}
    parts = [
        ("fakes", "{} generated"), ("reals", "against {} real images"), ("reference.split", "reference split {}"),
        ("reference.sha256", "sha256 {}"), ("extractor.name", "features of {}"), ("extractor.resize", "resized {}"),
        ("protocol", "protocol {}"), ("weights", "{} weights"),
    ]  # fmt: skip
    sentences = [
        form.format(f"{v:,}" if isinstance(v := same[key], int) else shown(v)) for key, form in parts if key in same
    ]
    return f"Entry {split!r} of metrics.json: {', '.join(sentences)}.".replace(
        " generated, against", " generated against"
    )


def remarks(rows: list[Row], names: list[str]) -> list[str]:
    """Notes on differing commits, test data that were used more than once, and missing values."""
    runs = [run for row in rows for run in row.runs]
    commits = differing("commits", runs, [run.card.get("commit") for run in runs])
    sentences = [f"The runs were scored by different {commits}."] if commits else []
    again = [f"{run.folder} ({times} times)" for run in runs if (times := run.card.get("scored") or 1) > 1]
    sentences += [f"Scored on test data more than once: {some(again)}."] if again else []
    for row in rows:
        sentences += missing(row, names)
    return sentences


def missing(row: Row, names: list[str]) -> list[str]:
    """Notes on runs that lack a score of their row, with the notes of these runs."""
    sentences = []
    for run in row.runs:
        lacks = [name for name in names if run.scores.get(name) is None and any(name in r.scores for r in row.runs)]
        sentences += [f"{run.folder} has no {', '.join(lacks)}. {' '.join(run.notes)}".strip()] if lacks else []
    return sentences


def check_files(files: list[str], runs: list[str]) -> None:
    """Refuse to overwrite the files of a run."""
    for file in map(Path, files):
        if file.exists() and file.resolve().parent in [Path(run).resolve() for run in runs]:
            raise UserError(f"A table does not replace a run's own files; got {file}, which is one. Name another file.")


def write(path: str, content: str) -> None:
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(content, encoding="utf-8")
    except OSError as cause:
        raise UserError(
            f"The table goes where it can be written; got {path}: {cause.strerror}. Name another."
        ) from cause
