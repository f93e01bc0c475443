"""The base class of all papers: how a paper is set up, trained for one update, and logged. It holds no algorithm."""

from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any, cast

from lightning.pytorch import Trainer
from lightning.pytorch.cli import OptimizerCallable
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from lightning_cgan import keyed
from lightning_cgan.batch_check import check_batch, check_eval_batch
from lightning_cgan.batches import EvalOutput, ImageSpec, PairSpec
from lightning_cgan.checks import check_trainer
from lightning_cgan.config.stored_model import Loadable
from lightning_cgan.interfaces import PaperFacts, check_batches, check_same_images, fitting_spec
from lightning_cgan.networks.checkpoint_weights import frozen
from lightning_cgan.optimize import should_log, with_lr_lambda
from lightning_cgan.schedules.learning_rate import constant


class Paper(PaperFacts, Loadable):
    """A LightningModule that trains by one algorithm. A subclass defines its constructor, its losses and ``update``.

    The constructor calls ``super().__init__(spec)``, makes the networks, and sets ``optimizer_factories`` and
    ``schedule``. Sampling and evaluation come from the base classes in :mod:`lightning_cgan.papers.kinds`.

    Args:
        spec: of the data.

    Attributes:
        optimizer_factories: for each role of ``networks()``, maps parameters to an optimizer, in the order of
            ``optimizer_list()``.
        schedule: maps (generator update, updates in the run) to a factor on all learning rates.
        frozen: untrained networks of the losses; in a tuple, so that they are no submodules and in no checkpoint.

    Raises:
        UserError: for a spec of one domain where the paper needs two, or vice versa.
    """

    spec: ImageSpec | PairSpec

    def __init__(self, spec: ImageSpec | PairSpec) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.spec = fitting_spec(spec, type(self))
        self.optimizer_factories: Mapping[str, OptimizerCallable] = {}
        self.schedule: Callable[[int, int], float] = constant
        self.frozen: tuple[nn.Module, ...] = ()

    def update(self, batch: Any) -> dict[str, Tensor]:
        """One generator update with its ``n_critic`` discriminator updates; one ``optimizer_step`` has ``count=True``.

        Args:
            batch: a ``training_batch`` on the device, images in [-1, 1]. Its first axis counts discriminator updates.

        Returns:
            Scalars to log as ``train/<name>``. ``loss_d`` and ``loss_g`` are the totals that were minimised.
        """
        raise NotImplementedError

    def progress(self, update: int) -> dict[str, float]:
        """Further scalars to log at generator update ``update``, such as the state of a schedule, by full log key."""
        return {}

    def before_first_update(self, batch: Any) -> None:
        """Data-dependent initialisation; called once per run, in every process."""

    def make_frozen(self) -> tuple[nn.Module, ...]:
        """Make the ``frozen`` networks; called once before training."""
        return ()

    def training_step(self, batch: Any, batch_idx: int) -> None:
        done = self.global_step
        if not done:
            self.before_first_update(batch)
        keyed.reseed("train", done, self.global_rank)
        losses = self.update(batch)
        for config in self.trainer.lr_scheduler_configs:
            cast(LRScheduler, config.scheduler).step()
        if should_log(self):
            scalars: dict[str, Any] = {f"train/{name}": loss for name, loss in losses.items()}
            self.log_dict(scalars | self.progress(done), prog_bar=True)

    def evaluate(self, batch: Any) -> EvalOutput:
        """The generated images, or predictions, that are scored for a batch of a validation or test loader."""
        raise NotImplementedError

    def validation_step(self, batch: Any, batch_idx: int) -> Any:
        check_eval_batch(self, batch)
        return self.evaluate(batch)

    test_step = validation_step

    def optimizer_list(self) -> list[LightningOptimizer]:
        """``optimizers()`` as a list, even if there is only one."""
        found = self.optimizers()
        return cast(list[LightningOptimizer], found if isinstance(found, list) else [found])

    def networks(self) -> dict[str, tuple[nn.Module, ...]]:
        return {role: (self.get_submodule(role),) for role in self.optimizer_factories}

    def evaluated_networks(self) -> dict[str, nn.Module]:
        return {"generator": self.get_submodule("generator")}

    def configure_optimizers(self) -> tuple[list[Optimizer], list[LRScheduler]]:
        networks = self.networks()
        optimizers = [
            make(chain.from_iterable(network.parameters() for network in networks[role]))
            for role, make in self.optimizer_factories.items()
        ]
        return with_lr_lambda(self, optimizers, self.schedule)

    def check(self, trainer: Trainer) -> None:
        check_trainer(trainer)
        self.build_frozen()

    def build_frozen(self) -> None:
        if not self.frozen:
            self.frozen = tuple(map(frozen, self.make_frozen()))

    def configure_callbacks(self) -> list[Any]:
        """No callbacks. Lightning calls this before its own checks, so settings are refused here with our messages."""
        if self.trainer.state.fn == "fit":
            check_trainer(self.trainer)
        return []

    def setup(self, stage: str) -> None:
        if stage == "fit":
            if (data := self.trainer.datamodule) is not None:  # type: ignore[attr-defined]
                check_batches(self, data)
                check_same_images(self, data)
            self.build_frozen()

    def on_fit_start(self) -> None:
        self.check(self.trainer)  # not in setup, where the trainer does not yet know whether the run is resumed
        self.frozen = tuple(network.to(self.device) for network in self.frozen)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        check_batch(self, batch)
