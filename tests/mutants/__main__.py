"""Plants each mistake of the lists in a copy of the repository and runs the tests that should see it.

``make mutants``, or ``python -m tests.mutants [--only AREA|ID ...] [--list] [--jobs N]``. The libraries are imported
once; every run is a fork of this process that imports the project from its own copy, so nothing is written here. First
the tests are run without a mistake: on a test that fails anyway nothing is caught. The status is 0 if 96 % of the
mistakes are caught, 93 % in each area, and every run came to an end.
"""

import argparse
import importlib
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from tests.mutants.mutants import REPOSITORY, Mutant, all_mutants

LIBRARIES = """
    torch torch._dynamo torch.distributed torchvision torchvision.datasets lightning lightning.pytorch.cli torchmetrics
    torchmetrics.image torch_fidelity skimage.metrics sklearn.metrics sklearn.neighbors scipy.linalg scipy.stats
    matplotlib.pyplot PIL.Image jsonargparse yaml rich.console jinja2 safetensors.torch wandb hypothesis pytest
    pytest_timeout pytest_socket
"""
OWN = "lightning_cgan", "datamodules", "benchmarks", "tests"
PYTEST = "-x -q --tb=short --no-header -p no:cacheprovider -p no:xdist"
DEFAULT = "not slow and not gpu and not slurm"  # as in ``make test``
PASSED, FAILED = 0, 1  # of pytest


class Ended(NamedTuple):
    """How a run of tests ended: status of pytest, negative for a signal; None if it took too long."""

    status: int | None
    seconds: float
    printed: str

    @property
    def verdict(self) -> str:
        return {PASSED: "survived", FAILED: "caught", None: "TOO LONG"}.get(self.status, "BROKEN")

    @property
    def failed(self) -> str:
        """The test that failed."""
        found = re.search(r"^FAILED tests/(.*?)(?: - |$)", self.printed, re.MULTILINE)
        return f" by {found[1]}" if found else ""


def main() -> int:
    args = arguments()
    mutants = [one for one in all_mutants() if not args.only or {one.id, one.area} & set(args.only)]
    if not mutants:
        sys.exit(f"no mutant has the area or id {', '.join(args.only)}; --list shows them")
    if args.list:
        print(*(f"{one.id}  {one.file}:{one.line}" for one in mutants), sep="\n")
        return 0
    for mutant in mutants:
        mutant.place()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing is left running or lying about
    for name in LIBRARIES.split():
        importlib.import_module(name)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        clean = Path(folder, "clean")
        copy_tree(REPOSITORY, clean)
        seconds = unmutated(mutants, clean, args.jobs)
        verdicts = mutated(mutants, clean, args.jobs, seconds)
    return 0 if report(mutants, verdicts) else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", default=[], metavar="AREA|ID", help="areas or ids; all without it")
    parser.add_argument("--list", action="store_true", help="show the mistakes and end")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time")
    return parser.parse_args()


def copy_tree(source: Path, target: Path) -> None:
    """Copies what the tests read. Times are kept, so that compiled modules stay valid."""
    target.mkdir()
    for path in source.iterdir():
        if path.name.startswith(".") or path.name in ("runs", "data", "weights"):
            continue
        if path.is_dir():
            shutil.copytree(path, target / path.name, symlinks=True)
        else:
            shutil.copy2(path, target)


def unmutated(mutants: list[Mutant], clean: Path, jobs: int) -> dict[str, float]:
    """Seconds that each test takes in ``clean``; ends the program if one does not pass."""
    tests = list(dict.fromkeys(test for one in mutants for test in one.tests))
    files = list(dict.fromkeys(map(file_of, tests)))
    shares = [
        tuple(test for test in tests if file_of(test) in files[job::jobs]) for job in range(min(jobs, len(files)))
    ]
    notes = [clean.parent / f"outcomes-{job}.json" for job in range(len(shares))]
    runs = {str(to): partial(start, clean, share, to) for share, to in zip(shares, notes, strict=True)}
    seconds: dict[str, float] = {}
    for _, ended in in_parallel(runs, dict.fromkeys(runs, 3600), jobs):
        if ended.status != PASSED:
            sys.exit(f"{ended.printed}\nWithout a mistake planted, these tests do not pass.")
    for to in notes:
        seconds |= json.loads(to.read_text())
    taken = {test: [each for node, each in seconds.items() if node.startswith(f"tests/{test}")] for test in tests}
    if none := [test for test, each in taken.items() if not each]:
        sys.exit(f"No test was run of {', '.join(none)}: it is skipped here, or the list names another.")
    print(f"without a mistake {len(seconds)} tests pass in {sum(seconds.values()):.0f} s", flush=True)
    return {test: sum(each) for test, each in taken.items()}


def file_of(test: str) -> str:
    return test.partition("::")[0]


def mutated(mutants: list[Mutant], clean: Path, jobs: int, seconds: dict[str, float]) -> dict[str, str]:
    """Verdict on each mistake."""
    runs = {one.id: partial(plant_and_start, one, clean) for one in mutants}
    limits = {one.id: 60 + 4 * sum(seconds[test] for test in one.tests) for one in mutants}
    verdicts = {}
    for name, ended in in_parallel(runs, limits, jobs):
        shutil.rmtree(clean.parent / name.replace("/", "-"))
        verdicts[name] = ended.verdict
        print(f"{ended.verdict:8} {ended.seconds:5.1f} s  {name}{ended.failed}", flush=True)
        if ended.verdict == "BROKEN":
            print(ended.printed)
    return verdicts


def plant_and_start(mutant: Mutant, clean: Path) -> tuple[int, Path]:
    """Starts the tests of a mistake in a copy of ``clean``."""
    tree = clean.parent / mutant.id.replace("/", "-")
    copy_tree(clean, tree)
    (tree / mutant.file).write_text(mutant.mutated(clean))
    return start(tree, mutant.tests)


def in_parallel(
    runs: dict[str, Callable[[], tuple[int, Path]]], limits: dict[str, float], jobs: int
) -> Iterable[tuple[str, Ended]]:
    """Starts each run, ``jobs`` at a time, and yields how it ended."""
    waiting, running = list(runs), {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                name = waiting.pop(0)
                running[name] = (*runs[name](), time.monotonic())
            time.sleep(0.02)
            for name, (process, printed, began) in list(running.items()):
                seconds = time.monotonic() - began
                pid, status = os.waitpid(process, os.WNOHANG)
                if pid or seconds > limits[name]:
                    kill(process, gone=bool(pid))
                    del running[name]
                    text = printed.read_text(errors="replace")
                    yield name, Ended(os.waitstatus_to_exitcode(status) if pid else None, seconds, text)
    finally:
        for process, *_ in running.values():
            kill(process)


def kill(process: int, gone: bool = False) -> None:
    """Ends a run and what it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)
    if not gone:
        os.waitpid(process, 0)


def start(tree: Path, tests: tuple[str, ...], outcomes: Path | None = None) -> tuple[int, Path]:
    """Forks a process that runs tests in ``tree`` up to the first that fails.

    Returns:
        The id of the process and the file it prints to. The seconds of each test go to ``outcomes``.
    """
    handle, name = tempfile.mkstemp(dir=tree.parent)
    process = os.fork()
    if process:
        os.close(handle)
        return process, Path(name)
    status = 70
    try:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):  # a shell ignores some for what it starts with &
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        status = run_tests(tree, tests, outcomes)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)  # a process that was forked never goes on with what its parent does


def run_tests(tree: Path, tests: tuple[str, ...], outcomes: Path | None) -> int:
    """Runs tests in ``tree`` with the project imported from there, and returns the status of pytest."""
    for name in [name for name in sys.modules if name.split(".")[0] in OWN]:
        del sys.modules[name]
    temporary = tempfile.mkdtemp(dir=tree)
    os.environ |= {"PYTHONPATH": str(tree), "TMPDIR": temporary}
    tempfile.tempdir = None
    os.chdir(tree)
    sys.path[:] = [str(tree), *(entry for entry in sys.path if entry not in ("", str(REPOSITORY)))]
    importlib.invalidate_caches()
    import pytest

    selected = Selected(tests)
    paths = dict.fromkeys(f"tests/{file_of(test)}" for test in tests)
    status = pytest.main([*PYTEST.split(), "-m", DEFAULT, *paths], plugins=[selected])
    if outcomes is not None:
        outcomes.write_text(json.dumps(selected.seconds))
    return int(status)


class Selected:
    """Plugin of pytest that keeps the tests whose node ids begin with one of ``tests``, and times those that pass."""

    def __init__(self, tests: tuple[str, ...]) -> None:
        self.beginnings = tuple(f"tests/{test}" for test in tests)
        self.seconds: dict[str, float] = {}

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items[:] = [item for item in items if item.nodeid.startswith(self.beginnings)]

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "call" and report.passed:
            self.seconds[report.nodeid] = report.duration


def report(mutants: list[Mutant], verdicts: dict[str, str]) -> bool:
    """Prints what was caught by area, and returns whether that is enough."""
    tallies = {}
    for area in dict.fromkeys(one.area for one in mutants):
        found = [verdicts[one.id] for one in mutants if one.area == area]
        tallies[area] = found.count("caught"), len(found)
    print()
    for one in mutants:
        if verdicts[one.id] != "caught":
            print(f"{verdicts[one.id]:8} {one.id}\n         {one.file}:{one.line}: {one.before!r} -> {one.after!r}")
    caught, planted_ = (sum(column) for column in zip(*tallies.values(), strict=True))
    for area, (seen, count) in {**tallies, "all": (caught, planted_)}.items():
        print(f"{area:12} {seen:3} of {count:3} caught, {100 * seen / count:5.1f} %")
    return enough(tallies) and not {"BROKEN", "TOO LONG"} & set(verdicts.values())


def enough(tallies: dict[str, tuple[int, int]]) -> bool:
    """Whether 96 % are caught in all and 93 % in each area, of (caught, planted) by area."""
    caught, planted_ = (sum(column) for column in zip(*tallies.values(), strict=True))
    return caught >= 0.96 * planted_ and all(seen >= 0.93 * count for seen, count in tallies.values())


if __name__ == "__main__":
    sys.exit(main())
