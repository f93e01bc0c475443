"""``lightning-cgan features fetch NAME --to DIR``: downloads the weights of a feature network.

Nothing else in the suite downloads weights. A download is a ``.partial`` file, from which an interrupted one resumes,
until it is complete and has the pinned hash.
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
TIMEOUT = 60  # seconds without a byte after which a connection is closed
RETRY = "Run the same command again: it resumes where it stopped."


def main(args: list[str]) -> int:
    """Run ``fetch`` or ``list`` and return the exit status.

    Raises:
        UserError: for an unknown name, or if the weights cannot be downloaded.
    """
    parser = argparse.ArgumentParser(
        "lightning-cgan features", allow_abbrev=False, description="Weights of feature networks."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="fetch|list")
    fetching = commands.add_parser("fetch", allow_abbrev=False, help="download weights and check their hash")
    fetching.add_argument("name", metavar="NAME", help=", ".join(PINNED))
    fetching.add_argument("--to", metavar="DIR", type=Path, default=Path("weights"), help="folder (default: weights)")
    commands.add_parser("list", help="list the available weights with size, address and hash")
    options = parser.parse_args(args)
    if options.command == "list":
        print("\n".join(f"{name}: {p.size / 1e6:,.0f} MB, {p.url}\n  sha256 {p.sha256}" for name, p in PINNED.items()))
        return 0
    try:
        print(fetch(options.name, options.to))
    except KeyboardInterrupt:
        print(f"interrupted. {RETRY}", file=sys.stderr)
        return 130
    return 0


def fetch(name: str, folder: Path) -> str:
    """Download the weights ``name`` to ``folder`` unless they are there, and return a message for the user.

    Raises:
        UserError: for an unknown name, or if the weights cannot be downloaded.
    """
    if name not in PINNED:
        near = get_close_matches(name, PINNED, n=1)
        raise UserError(
            f"The available weights are {', '.join(PINNED)}; got {name}. Set NAME to one of them."
            + (f"\nThe nearest valid name is {near[0]}." if near else "")
        )
    target, pinned = folder / file_name(name), PINNED[name]
    if target.is_file() and sha256_of(target) == pinned.sha256:
        return f"{target} already exists and has the right hash"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with target.with_name(f"{target.name}.partial").open("ab") as partial:
            claim(partial)
            complete(partial, pinned)
            os.replace(partial.name, target)
    except (OSError, HTTPException) as cause:
        raise UserError(f"Weights are downloaded from {pinned.url} to {target}; got {cause}. {RETRY}") from cause
    return f"{target} was downloaded and has the right hash"


def claim(partial: BinaryIO) -> None:
    """Lock ``partial``, because a second process would append to a file that the first one considers complete.

    Raises:
        UserError: if another process has locked it.
    """
    ours = True
    try:
        fcntl.flock(partial, fcntl.LOCK_EX | fcntl.LOCK_NB)
        ours = os.path.samestat(os.fstat(partial.fileno()), os.stat(partial.name))
    except (BlockingIOError, FileNotFoundError):
        ours = False
    except OSError:
        pass  # a file system without locks; a wrong file is detected by its hash
    if not ours:
        raise UserError(
            f"One process at a time can download to a file; got {partial.name}, which another one is writing. "
            "Wait for it to finish, or set --to to another folder."
        )


def complete(partial: BinaryIO, pinned: Pinned) -> None:
    """Download the missing bytes of ``partial`` and check the hash of the file, which is deleted if it is wrong.

    Raises:
        UserError: if the connection ends early, or the hash is wrong.
    """
    if partial.tell() < pinned.size:
        receive(partial, pinned)
    partial.flush()
    os.fsync(partial.fileno())
    if (actual := sha256_of(Path(partial.name))) != pinned.sha256:
        os.unlink(partial.name)
        raise UserError(
            f"Weights from {pinned.url} have the hash {pinned.sha256}; got {actual}, and the file was deleted. "
            "Run the same command again; if that fails too, set --to to a folder to which you copied the file yourself."
        )


def receive(partial: BinaryIO, pinned: Pinned) -> None:
    """Download the bytes that ``partial`` lacks, with a progress bar; all of them if the server cannot resume.

    Raises:
        UserError: if the server offers a file of another size, or the connection ends early.
    """
    start = partial.tell()
    request = Request(pinned.url, headers={"Range": f"bytes={start}-"} if start else {})
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    with urlopen(request, timeout=TIMEOUT) as response, Progress(*columns, TimeRemainingColumn()) as bar:
        start = start if response.status == 206 else 0
        offered = start + int(response.headers.get("Content-Length", pinned.size - start))
        if offered != pinned.size:
            raise UserError(
                f"Weights from {pinned.url} have {pinned.size} bytes; got a response of {offered}. "
                "Open the address in a browser: the response may be from a proxy or a login page."
            )
        partial.seek(start)
        partial.truncate()
        task = bar.add_task(Path(partial.name).stem, total=offered, completed=start)
        while block := response.read1(BLOCK):
            bar.update(task, advance=partial.write(block))
    if partial.tell() < pinned.size:
        raise UserError(
            f"A download has {pinned.size} bytes; got {partial.tell()} before the connection ended. {RETRY}"
        )
