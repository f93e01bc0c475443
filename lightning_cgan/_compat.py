"""The private parts of Lightning and jsonargparse that the suite uses; no other module accesses them.

Each is checked to exist, on import of this module or on use. They may change in any version, so ``pyproject.toml``
allows no minor version above those in ``TESTED``.
"""

from importlib.metadata import version
from inspect import isclass, ismodule
from subprocess import Popen
from typing import Any

from jsonargparse import _optionals as optionals
from jsonargparse import _typehints as typehints
from jsonargparse import _util as util
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import RichProgressBar
from lightning.pytorch.cli import LightningCLI
from lightning.pytorch.core.optimizer import LightningOptimizer, do_nothing_closure
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.loggers.csv_logs import ExperimentWriter
from lightning.pytorch.strategies import DDPStrategy, launchers

TESTED = {"lightning": "2.6.4 to 2.6.6", "jsonargparse": "4.53.0"}
USED: dict[Any, tuple[str, ...]] = {
    # Methods that classes of the suite call or override.
    LightningCLI: (
        *("_prepare_subcommand_parser", "_parse_ckpt_path", "_prepare_subcommand_kwargs", "_run_subcommand"),
        *("_dump_config", "_get"),
    ),
    ExperimentWriter: ("_check_log_dir_exists", "_record_new_keys"),
    RichProgressBar: ("_get_train_description",),
    launchers: ("_SubprocessScriptLauncher",),
    # Functions and tables of the parser.
    util: ("import_object",),
    optionals: ("_get_config_read_mode",),
    typehints: (
        *("adapt_typehints", "cached_get_class_parser", "check_import_path", "discard_init_args_on_class_path_change"),
        *("accepts_any_value", "callable_origin_types", "get_callable_return_type", "get_generic_origin"),
        *("get_subclass_types", "get_typehint_origin", "is_protocol"),
    ),
}


def private(owner: Any, name: str) -> Any:
    """The attribute ``name`` of a module, class or object of Lightning or jsonargparse.

    Raises:
        ImportError: if it does not exist, with the versions that were tested and the one installed.
    """
    try:
        return getattr(owner, name)  # a private name is in no declared interface
    except AttributeError:
        kind = owner if isclass(owner) or ismodule(owner) else type(owner)
        path = kind.__name__ if ismodule(kind) else f"{kind.__module__}.{kind.__qualname__}"
        package = path.partition(".")[0]
        raise ImportError(
            f"lightning_cgan uses {name} of {path}, tested with {package} {TESTED[package]}; got {package} "
            f"{version(package)}, which lacks it. Install a tested version of {package}."
        ) from None


for user, names in USED.items():
    for each in names:
        private(user, each)


def leave_uncounted(optimizer: LightningOptimizer) -> None:
    """Exclude the next step of ``optimizer``, but not later ones, from ``trainer.global_step``."""
    for hook in ("_on_before_step", "_on_after_step"):
        private(optimizer, hook)
        setattr(optimizer, hook, do_nothing_closure)


def launched_processes(trainer: Trainer) -> list[Popen[Any]]:
    """The processes that Lightning started from this one."""
    launcher = trainer.strategy.launcher
    return launcher.procs if isinstance(launcher, launchers._SubprocessScriptLauncher) else []


def arguments_of_ddp(strategy: DDPStrategy) -> dict[str, Any]:
    """The arguments that the strategy passes to ``DistributedDataParallel``."""
    return dict(private(strategy, "_ddp_kwargs"))


def uses_distributed_sampler(trainer: Trainer) -> bool:
    """The Trainer's argument ``use_distributed_sampler``."""
    return bool(private(private(trainer, "_accelerator_connector"), "use_distributed_sampler"))


def wandb_id(logger: WandbLogger) -> str:
    """The id of a W&B run, also before the run has started."""
    return str(private(logger, "_id"))


def wandb_is_offline(logger: WandbLogger) -> bool:
    """The logger's argument ``offline``."""
    return bool(private(logger, "_offline"))
