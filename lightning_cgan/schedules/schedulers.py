"""Learning-rate schedulers that depend on the generator update and the length of the run, also after resuming.

A scheduler's ``step`` sets the rate of the next update, so a checkpoint holds the next update's rate in a run of the
old length; loading recomputes it for the length of this run.
"""

from collections.abc import Callable
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

from lightning_cgan.console import info

Schedule = Callable[[int, int], float]  # (generator update, updates in the run) to a factor on the learning rate


class Scheduled(LambdaLR):
    """Multiplies the learning rate by ``schedule``.

    Args:
        optimizer: of that learning rate.
        schedule: maps (generator update, updates in the run) to the factor.
        updates: in the run.
        reports: whether this scheduler prints that a resumed run has another length.
    """

    def __init__(self, optimizer: Optimizer, schedule: Schedule, updates: int, reports: bool = False) -> None:
        self.schedule, self.updates, self.reports = schedule, updates, reports
        super().__init__(optimizer, lambda update: schedule(update, self.updates))

    def state_dict(self) -> dict[str, Any]:
        return {name: value for name, value in super().state_dict().items() if name not in ("schedule", "reports")}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        updates = self.updates
        super().load_state_dict(state_dict)
        before, self.updates = self.updates, updates  # checkpoints of earlier versions do not store it
        set_rates(self)
        if self.reports and self.differs(before):
            report_length(before, updates)

    def differs(self, length: int) -> bool:
        """Whether a remaining update has another rate in a run of ``length`` updates."""
        ahead = range(self.last_epoch, self.updates, max(1, (self.updates - self.last_epoch) // 100))
        return any(self.schedule(update, length) != self.schedule(update, self.updates) for update in ahead)


class OneCycle(OneCycleLR):
    """One rise and fall of the learning rate over the run. Smith & Topin 2019.

    Args:
        optimizer: with the peak learning rate.
        updates: in the run.
    """

    def __init__(self, optimizer: Optimizer, updates: int) -> None:
        super().__init__(optimizer, max_lr=optimizer.defaults["lr"], total_steps=updates)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        of_length = ("total_steps", "_schedule_phases")
        super().load_state_dict({name: value for name, value in state_dict.items() if name not in of_length})
        set_rates(self)
        if state_dict["total_steps"] != self.total_steps:
            report_length(state_dict["total_steps"], self.total_steps)


def set_rates(scheduler: LRScheduler) -> None:
    """Set the optimizer's rates to those of the scheduler's current update."""
    count, scheduler._step_count = scheduler._step_count, 0  # at 1 torch warns unless the optimizer has stepped
    scheduler.last_epoch -= 1
    scheduler.step()
    scheduler._step_count = count


def report_length(before: int, now: int) -> None:
    info(f"the learning-rate schedule now runs to update {now} instead of {before}")
