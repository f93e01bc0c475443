"""Runs the command line in several processes, forked from the test's own: a new one would take 15 s to import torch."""

import atexit
import os
import runpy
import socket
import sys
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from lightning.pytorch.utilities import rank_zero_only


class Finished(NamedTuple):
    """How a process ended."""

    status: int
    out: str
    err: str


def as_processes(args, count, folder, seconds=120, **environment):
    """Run ``lightning-cgan ARGS`` in ``count`` processes that find each other as those of torchrun do.

    With ``count`` 1 and several devices, Lightning starts the others, as it does for a user.

    Args:
        args: of the command line.
        count: of processes; one is on its own.
        folder: for what they print.
        seconds: after which they are killed, and the test fails.
        environment: variables to set.

    Returns:
        One ``Finished`` for each process.
    """
    folder.mkdir(parents=True, exist_ok=True)
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "TORCHELASTIC_RUN_ID": "test"}
    place |= {"WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count), "GROUP_RANK": "0"}
    shared = environment | (place if count > 1 else {})
    fork = get_context("fork")
    processes = [fork.Process(target=one, args=(rank, args, folder, shared)) for rank in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(seconds)
    late = [process for process in processes if process.is_alive()]
    for process in late:
        process.kill()
    printed = [[(folder / f"{name}{rank}").read_text() for name in ("out", "err")] for rank in range(count)]
    assert not late, printed
    return [Finished(process.exitcode, *text) for process, text in zip(processes, printed, strict=True)]


def one(rank: int, args: list[str], folder: Path, environment: dict[str, str]) -> None:
    for stream, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(folder / f"{name}{rank}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
    sys.stdout, sys.stderr = (os.fdopen(stream, "w", buffering=1, closefd=False) for stream in (1, 2))
    for name in ("PL_GLOBAL_SEED", "WANDB_SERVICE"):  # a W&B run killed in the test's service would count as running
        os.environ.pop(name, None)
    os.environ.update(environment)
    if "WORLD_SIZE" in environment:
        os.environ.update({"RANK": str(rank), "LOCAL_RANK": str(rank)})
    rank_zero_only.rank = rank  # Lightning reads it once, when it is imported
    atexit._clear()  # what the test's own process has to do at its end
    sys.argv = ["lightning-cgan", *args]
    try:
        runpy.run_module("lightning_cgan", run_name="__main__", alter_sys=True)  # as ``python -m lightning_cgan``
    finally:
        atexit._run_exitfuncs()  # a forked process of multiprocessing would leave them out


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])
