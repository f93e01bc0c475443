"""``lightning-cgan features fetch NAME --to DIR``: puts the weights of a feature network on disk, before any run.

Nothing else in the suite downloads weights. What arrives counts only when its hash is the pinned one: until then it is
a ``.partial`` file, from which an interrupted download goes on.
"""

import argparse
import fcntl
import os
import sys
from difflib import get_close_matches
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO
from urllib.request import Request, urlopen

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from lightning_cgan.errors import UserError
from lightning_cgan.extractors.weights_registry import PINNED, Pinned, file_name, sha256_of

BLOCK = 1 << 20  # bytes read at a time, at most
PATIENCE = 60  # seconds without a byte after which a connection is given up
AGAIN = "Run the same command again: it goes on where it stopped."


def main(args: list[str]) -> int:
    """Runs ``fetch`` or ``list``; the exit status.

    Raises:
        UserError: for a name that is not known, or weights that could not be fetched.
    """
    parser = argparse.ArgumentParser(
        "lightning-cgan features", allow_abbrev=False, description="Weights of feature networks."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="fetch|list")
    fetching = commands.add_parser("fetch", allow_abbrev=False, help="download weights and check their hash")
    fetching.add_argument("name", metavar="NAME", help=", ".join(PINNED))
    fetching.add_argument("--to", metavar="DIR", type=Path, default=Path("weights"), help="folder (default: weights)")
    commands.add_parser("list", help="the weights there are, their sizes, addresses and hashes")
    asked = parser.parse_args(args)
    if asked.command == "list":
        print("\n".join(f"{name}: {p.size / 1e6:,.0f} MB, {p.url}\n  sha256 {p.sha256}" for name, p in PINNED.items()))
        return 0
    try:
        print(fetch(asked.name, asked.to))
    except KeyboardInterrupt:
        print(f"interrupted. {AGAIN}", file=sys.stderr)
        return 130
    return 0


def fetch(name: str, folder: Path) -> str:
    """Make the weights called ``name`` lie in ``folder``; says what was done.

    Raises:
        UserError: if there are no such weights, or they could not be fetched.
    """
    if name not in PINNED:
        near = get_close_matches(name, PINNED, n=1)
        raise UserError(
            f"Published weights are called {', '.join(PINNED)}; got {name}. Set NAME to one of them."
            + (f"\nThe nearest valid name is {near[0]}." if near else "")
        )
    target, pinned = folder / file_name(name), PINNED[name]
    if target.is_file() and sha256_of(target) == pinned.sha256:
        return f"{target} is there already, and its hash is right"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with target.with_name(f"{target.name}.partial").open("ab") as partial:
            claim(partial)
            complete(partial, pinned)
            os.replace(partial.name, target)
    except (OSError, HTTPException) as cause:
        raise UserError(f"Weights come from {pinned.url} and go to {target}; got {cause}. {AGAIN}") from cause
    return f"{target} is fetched, and its hash is right"


def claim(partial: BinaryIO) -> None:
    """Refuse to write where another process does: it would write on into the file that the other calls complete."""
    ours = True
    try:
        fcntl.flock(partial, fcntl.LOCK_EX | fcntl.LOCK_NB)
        ours = os.path.samestat(os.fstat(partial.fileno()), os.stat(partial.name))
    except (BlockingIOError, FileNotFoundError):
        ours = False
    except OSError:
        pass  # a file system without locks; the hash decides all the same
    if not ours:
        raise UserError(
            f"One process at a time fetches to a file; another one writes {partial.name}. "
            "Wait for it, or set --to to another folder."
        )


def complete(partial: BinaryIO, pinned: Pinned) -> None:
    """Append to ``partial`` what is missing, and check the hash of the whole; a wrong whole is thrown away.

    Raises:
        UserError: if the connection ends early, or something else than the pinned content arrived.
    """
    if partial.tell() < pinned.size:
        receive(partial, pinned)
    partial.flush()
    os.fsync(partial.fileno())
    if (met := sha256_of(Path(partial.name))) != pinned.sha256:
        os.unlink(partial.name)
        raise UserError(
            f"Weights from {pinned.url} have the hash {pinned.sha256}; got {met}, which was thrown away. "
            "Run the same command again; if that repeats, set --to to a folder to which you brought the file yourself."
        )


def receive(partial: BinaryIO, pinned: Pinned) -> None:
    """Append the bytes after those that are there, with a progress bar; all bytes where a server cannot go on."""
    start = partial.tell()
    request = Request(pinned.url, headers={"Range": f"bytes={start}-"} if start else {})
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    with urlopen(request, timeout=PATIENCE) as answer, Progress(*columns, TimeRemainingColumn()) as bar:
        start = start if answer.status == 206 else 0
        offered = start + int(answer.headers.get("Content-Length", pinned.size - start))
        if offered != pinned.size:
            raise UserError(
                f"Weights from {pinned.url} are {pinned.size} bytes; got an answer of {offered}. "
                "Open the address in a browser: a proxy or a login page may answer in its place."
            )
        partial.seek(start)
        partial.truncate()
        task = bar.add_task(Path(partial.name).stem, total=offered, completed=start)
        while block := answer.read1(BLOCK):
            bar.update(task, advance=partial.write(block))
    if partial.tell() < pinned.size:
        raise UserError(f"The connection ended after {partial.tell()} of {pinned.size} bytes. {AGAIN}")
