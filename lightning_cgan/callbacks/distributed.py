"""What several processes need to be one run."""

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
    """Before each validation every process takes the first one's buffers, which are those that a checkpoint holds.

    Batch norm's running statistics differ between processes: DDP copies them at the start of a training step only.
    """

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        if trainer.world_size > 1:
            for buffer in module.buffers():
                torch.distributed.broadcast(buffer, src=0)


class ProcessWatch(Callback):
    """Ends the job where one of its processes hangs, is stopped or is gone, and leaves no process behind.

    The others would wait for it in a collective call for half an hour. One that works alone for long, on scores or a
    report, is not taken for one that hangs: each gives a sign of life from a thread of its own.

    Args:
        silence: seconds without a sign of life after which a process is given up.
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

        def give_up(told: str) -> None:
            note(f"{told}. The job ends; the same command goes on from the last checkpoint")
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
    """The processes that Lightning has started from this one."""
    launcher = trainer.strategy.launcher
    return launcher.procs if isinstance(launcher, _SubprocessScriptLauncher) else []


def kill_children(trainer: Trainer) -> None:
    for child in children_of(trainer):
        child.kill()  # nothing less ends one that is stopped


def end(children: list[subprocess.Popen[Any]], seconds: float = 15.0) -> None:
    """Wait for processes to end by themselves, and kill those that do not."""
    for child in children:
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            child.kill()


def launched_by_lightning(trainer: Trainer) -> bool:
    """Whether this is one of the processes that the first one has started, and whose status Lightning watches: any
    but 0 makes it kill the first process."""
    strategy = trainer.strategy
    own = isinstance(strategy, ParallelStrategy) and isinstance(strategy.cluster_environment, LightningEnvironment)
    return own and trainer.local_rank > 0


def lost_peer(error: BaseException) -> bool:
    """Whether a collective call has failed because another process is gone."""
    return isinstance(error, RuntimeError) and bool(re.search(r"Connection (closed|reset) by peer", str(error)))


def check_strategy(trainer: Trainer, module: LightningModule) -> None:
    """Refuse plain DDP for modules of several networks: it would fail at the first step, with many words.

    Raises:
        ValueError: naming the overlay that sets the right strategy.
    """
    strategy = trainer.strategy
    plain = isinstance(strategy, DDPStrategy) and not strategy._ddp_kwargs.get("find_unused_parameters")
    if plain and not module.automatic_optimization:
        raise ValueError(
            "Networks that take turns need a strategy for it on several processes; met plain DDP. "
            "Add --config experiments/cluster/ddp.yaml, or set trainer.strategy to ddp_find_unused_parameters_true."
        )
