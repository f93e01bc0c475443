"""Callbacks and checks for runs of several processes."""

import atexit
import os
import re
import subprocess
from typing import Any

import torch
from lightning.fabric.plugins.environments import LightningEnvironment
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.strategies import DDPStrategy, ParallelStrategy
from lightning.pytorch.strategies.launchers import _SubprocessScriptLauncher

from lightning_cgan.runs.heartbeat import Heartbeat
from lightning_cgan.runs.stops import UNFINISHED, note


class SameBuffers(Callback):
    """Copies the first process's buffers to every process before each validation: they are those of the checkpoint.

    Running statistics of batch norm differ between processes: DDP copies them only at the start of a training step.
    """

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        if trainer.world_size > 1:
            for buffer in module.buffers():
                torch.distributed.broadcast(buffer, src=0)


class ProcessWatch(Callback):
    """Ends the job if one of its processes hangs, is stopped or has exited, and leaves no process behind.

    The others would wait for it in a collective call for half an hour. A process that works alone for a long time, on
    scores or a report, does not count as hanging: each sends heartbeats from its own thread.

    Args:
        silence: seconds without a heartbeat after which a process counts as lost.
    """

    def __init__(self, silence: float = 45.0) -> None:
        self.silence, self.watches = silence, 0
        self.heartbeat: Heartbeat | None = None

    def setup(self, trainer: Trainer, module: LightningModule, stage: str) -> None:
        strategy = trainer.strategy
        if trainer.world_size == 1 or not isinstance(strategy, ParallelStrategy) or self.heartbeat:
            return
        if not self.watches and (children := children_of(trainer)):
            atexit.register(end, children)
        self.watches += 1
        environment = strategy.cluster_environment
        address = environment.main_address, environment.main_port

        def give_up(reason: str) -> None:
            note(f"{reason}. The job ends; the same command goes on from the last checkpoint")
            kill_children(trainer)
            os._exit(UNFINISHED)

        name = f"heartbeat/{self.watches}"
        self.heartbeat = Heartbeat(address, name, trainer.global_rank, trainer.world_size, self.silence, give_up)
        self.heartbeat.start()

    def teardown(self, trainer: Trainer, module: LightningModule, stage: str) -> None:
        if self.heartbeat:
            self.heartbeat.stop()
        self.heartbeat = None

    def on_exception(self, trainer: Trainer, module: LightningModule, exception: BaseException) -> None:
        self.teardown(trainer, module, "")


def children_of(trainer: Trainer) -> list[subprocess.Popen[Any]]:
    """The processes that Lightning started from this one."""
    launcher = trainer.strategy.launcher
    return launcher.procs if isinstance(launcher, _SubprocessScriptLauncher) else []


def kill_children(trainer: Trainer) -> None:
    for child in children_of(trainer):
        child.kill()  # SIGTERM does not end a stopped process


def end(children: list[subprocess.Popen[Any]], seconds: float = 15.0) -> None:
    """Wait for processes to exit, and kill those that do not."""
    for child in children:
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            child.kill()


def launched_by_lightning(trainer: Trainer) -> bool:
    """Whether the first process started this one. Lightning watches its exit status: any but 0 makes it kill the first
    process."""
    strategy = trainer.strategy
    own = isinstance(strategy, ParallelStrategy) and isinstance(strategy.cluster_environment, LightningEnvironment)
    return own and trainer.local_rank > 0


def lost_peer(error: BaseException) -> bool:
    """Whether a collective call failed because another process exited."""
    return isinstance(error, RuntimeError) and bool(re.search(r"Connection (closed|reset) by peer", str(error)))


def check_strategy(trainer: Trainer, module: LightningModule) -> None:
    """Refuse plain DDP for modules with several networks: it would fail at the first step with a long trace.

    Raises:
        ValueError: naming the overlay that sets the right strategy.
    """
    strategy = trainer.strategy
    plain = isinstance(strategy, DDPStrategy) and not strategy._ddp_kwargs.get("find_unused_parameters")
    if plain and not module.automatic_optimization:
        raise ValueError(
            "Networks that are updated in turns need find_unused_parameters on several processes; got plain DDP. "
            "Add --config experiments/cluster/ddp.yaml, or set trainer.strategy to ddp_find_unused_parameters_true."
        )
