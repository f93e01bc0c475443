"""Callbacks and checks for runs of several processes."""

import atexit
import os
import re
import subprocess
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from lightning.fabric.plugins.environments import LightningEnvironment, SLURMEnvironment, TorchElasticEnvironment
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.strategies import DDPStrategy, ParallelStrategy

from lightning_cgan._compat import arguments_of_ddp, launched_processes
from lightning_cgan.errors import UserError
from lightning_cgan.runs.heartbeat import Heartbeat
from lightning_cgan.runs.mistake_notice import MistakeNotice, MistakeWatch
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
        if not self.watches and (children := launched_processes(trainer)):
            atexit.register(end, children)
        self.watches += 1

        def give_up(reason: str) -> None:
            note(f"{reason}. The job ends; the same command resumes from the last checkpoint")
            kill_children(trainer)
            os._exit(UNFINISHED)

        name = f"heartbeat/{self.watches}"
        place = store_address(trainer), name, trainer.global_rank, trainer.world_size
        self.heartbeat = Heartbeat(*place, self.silence, give_up)
        self.heartbeat.start()

    def teardown(self, trainer: Trainer, module: LightningModule, stage: str) -> None:
        if self.heartbeat:
            self.heartbeat.stop()
        self.heartbeat = None

    def on_exception(self, trainer: Trainer, module: LightningModule, exception: BaseException) -> None:
        self.teardown(trainer, module, "")


def kill_children(trainer: Trainer) -> None:
    for child in launched_processes(trainer):
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


def store_address(trainer: Trainer) -> tuple[str, int]:
    """Host and port at which the processes of a run find each other."""
    environment = trainer.strategy.cluster_environment  # type: ignore[attr-defined]  # of strategies for several
    return environment.main_address, environment.main_port


def mistake_status(trainer: Trainer) -> int:
    """Exit status of a process that a user's mistake ends."""
    return 0 if launched_by_lightning(trainer) else 2


def watch_for_mistakes(trainer: Trainer) -> AbstractContextManager[None]:
    """Inside, this process ends when another one of the same run has ended on a user's mistake."""

    def leave() -> None:
        kill_children(trainer)
        os._exit(mistake_status(trainer))

    return MistakeWatch(store_address(trainer), leave) if is_parallel(trainer) else nullcontext()


def is_parallel(trainer: Trainer) -> bool:
    return trainer.world_size > 1 and isinstance(trainer.strategy, ParallelStrategy)


def end_on_mistake(trainer: Trainer, error: Exception, told: str | None) -> int | None:
    """End this process of several on a user's mistake, which may have been found here or in another process.

    The first process to find it prints it. The first of all, which holds the store and has started the others, waits
    for them: a few lines, once, and no process is left behind.

    Args:
        trainer: of the run.
        error: that ended the work of this process.
        told: the message for the user, if ``error`` is a user's mistake.

    Returns:
        The exit status, or None if there is one process only, or the error is none of these.
    """
    if not is_parallel(trainer) or (told is None and not lost_peer(error)):
        return None
    notice = MistakeNotice(store_address(trainer))
    if told is not None and notice.claim():
        print(f"lightning-cgan: {told}", file=sys.stderr, flush=True)
        notice.post()
    elif notice.store is None or (told is None and not notice.is_posted()):
        kill_children(trainer)
        return None
    notice.leave(trainer.world_size if trainer.is_global_zero else 0)
    kill_children(trainer)
    return mistake_status(trainer)


def repeats_another() -> bool:
    """Whether torchrun or SLURM started this process beside the first of its machine, which prints the same mistakes
    in the command line and the files."""
    for kind in (TorchElasticEnvironment, SLURMEnvironment):
        if kind.detect():
            return kind().local_rank() > 0
    return False


def lost_peer(error: BaseException) -> bool:
    """Whether a collective call failed because another process exited."""
    return isinstance(error, RuntimeError) and bool(re.search(r"Connection (closed|reset) by peer", str(error)))


def check_strategy(trainer: Trainer, module: LightningModule) -> None:
    """Refuse plain DDP for modules with several networks: it would fail at the first step with a long trace.

    Raises:
        UserError: naming the overlay that sets the right strategy.
    """
    strategy = trainer.strategy
    plain = isinstance(strategy, DDPStrategy) and not arguments_of_ddp(strategy).get("find_unused_parameters")
    if plain and not module.automatic_optimization:
        raise UserError(
            "Networks that are updated in turns need find_unused_parameters on several processes; got plain DDP. "
            "Add --config experiments/cluster/ddp.yaml, or set trainer.strategy to ddp_find_unused_parameters_true."
        )
