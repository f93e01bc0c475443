"""``lightning-cgan fit|validate|test|predict --config experiments/<paper>/<data>.yaml [--key value]``

LightningCLI with the suite's trainer defaults, one link from data to model, a run folder, and plain error messages.
"""

import sys
from collections.abc import Sequence
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.plugins.environments import ClusterEnvironment, SLURMEnvironment
from lightning.pytorch.utilities import rank_zero_only
from lightning.pytorch.utilities.exceptions import SIGTERMException

from lightning_cgan.callbacks.checkpoints import BestCheckpoint, LastCheckpoint
from lightning_cgan.callbacks.distributed import (
    ProcessWatch,
    SameBuffers,
    check_strategy,
    end_on_mistake,
    lost_peer,
    repeats_another,
    watch_for_mistakes,
)
from lightning_cgan.callbacks.ending import Ending
from lightning_cgan.callbacks.finite import OnlyFinite
from lightning_cgan.callbacks.health import Health
from lightning_cgan.callbacks.partial_evaluation import PartialEvaluation
from lightning_cgan.callbacks.pictures import Curves, Predictions, SampleGrid, WritePredictions
from lightning_cgan.callbacks.progress import PlainProgress, UpdateBar
from lightning_cgan.callbacks.report import Report
from lightning_cgan.callbacks.scores.base import ScoreCallback
from lightning_cgan.callbacks.stopping import Stopping
from lightning_cgan.config.guarded_imports import imported, only
from lightning_cgan.config.messages import format_parser_error, quiet_warnings, user_message
from lightning_cgan.config.named_classes import rules_for
from lightning_cgan.config.parser import Parser, Trust, without_trust
from lightning_cgan.config.stored_model import check_local
from lightning_cgan.console import info
from lightning_cgan.errors import NonFiniteError, UserError
from lightning_cgan.interfaces import check_batches, data_facts, facts_of, fitting_spec, spec_of
from lightning_cgan.runs import checkpoint_io
from lightning_cgan.runs.lock import FolderLock
from lightning_cgan.runs.loggers import loggers_for, place_loggers, reach_wandb, remember_tracking
from lightning_cgan.runs.metrics_json import entry_name, read_results
from lightning_cgan.runs.resume import check_usable, checkpoint_to_resume, is_completed, tell_missing
from lightning_cgan.runs.run_folder import (
    check_fits,
    check_own,
    check_same_run,
    default_folder,
    find_checkpoint,
    read_checkpoint,
    scored_already,
    second_checkpoint,
    set_aside,
    unfinished,
)
from lightning_cgan.runs.smoke import clear, smoke_folder, with_checkpoint
from lightning_cgan.runs.stops import Signals, Stopped, raise_stop
from lightning_cgan.runs.trainer_checks import check_precision, check_settings, check_training

TRAINER_DEFAULTS = {
    "devices": 1,  # more than one needs a strategy: experiments/cluster/ddp.yaml
    "check_val_every_n_epoch": None,  # val_check_interval counts generator updates
    "num_sanity_val_steps": 1,
    "use_distributed_sampler": False,  # the data modules shard, without padding
    "enable_model_summary": False,
}
DEFAULT_CALLBACKS = {
    "fit": (
        *(PartialEvaluation, ProcessWatch, SameBuffers, SampleGrid, Curves, Health, OnlyFinite),
        *(BestCheckpoint, LastCheckpoint, Report, Ending, Stopping),
    ),
    "validate": (PartialEvaluation, ProcessWatch, SampleGrid, Report),
    "test": (PartialEvaluation, ProcessWatch, SampleGrid, Report),
    "predict": (PartialEvaluation, ProcessWatch, Predictions, WritePredictions),
}


class CLI(LightningCLI):
    """The command line: LightningCLI with ``--fresh``, ``--again``, ``--tensorboard`` and ``--trust``."""

    def __init__(self, args: list[str] | None = None, run: bool = True, trust: Sequence[str] = ()) -> None:
        words, trusted = without_trust(sys.argv[1:] if args is None else args)
        self.first = words[0] if words else ""
        with only(rules_for(words, (*trusted, *trust))):
            super().__init__(
                parser_class=Parser,
                parser_kwargs={"allow_abbrev": False, "prog": "lightning-cgan", "description": "Conditional GANs."},
                trainer_defaults=TRAINER_DEFAULTS,
                seed_everything_default=0,
                save_config_kwargs={"overwrite": True},
                subclass_mode_model=True,
                subclass_mode_data=True,
                auto_configure_optimizers=False,
                args=words,
                run=run,
            )

    def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]  # a static method in Lightning
        """The subcommand of this command line alone, because creating the parsers of all is slow."""
        commands = LightningCLI.subcommands()
        return {self.first: commands[self.first]} if self.first in commands else commands

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.link_arguments("data", "model.init_args.spec", self.checked_spec, apply_on="instantiate")
        parser.add_argument("--trust", action=Trust, help="a package whose code may run; may be repeated")
        parser.add_argument("--tensorboard", action="store_true", help="also log to TensorBoard, in the run folder")

    def checked_spec(self, data: Any) -> Any:
        """The spec of the data, checked against the model, which would misread another kind of tuple."""
        return fitting_spec(spec_of(data), imported(self.settings.model.class_path))

    def _prepare_subcommand_parser(self, klass: type, subcommand: str, **kwargs: Any) -> LightningArgumentParser:
        kwargs["allow_abbrev"] = False
        parser = super()._prepare_subcommand_parser(klass, subcommand, **kwargs)
        if subcommand == "fit":
            parser.add_argument("--fresh", action="store_true", help="start over; an earlier run is renamed")
        if subcommand == "test":
            parser.add_argument("--again", action="store_true", help="score a run again; the evaluation card counts it")
        return parser

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        self.config = parser.parse_args(args)
        check_local_paths(self.settings)

    def _parse_ckpt_path(self) -> None:
        """Does nothing: Lightning's method would replace the configured model by that of the checkpoint."""

    @property
    def settings(self) -> Any:
        """The parsed configuration of the subcommand."""
        subcommand = self.config.get("subcommand")
        return self.config[subcommand] if subcommand else self.config

    def _prepare_subcommand_kwargs(self, subcommand: str) -> dict[str, Any]:
        return super()._prepare_subcommand_kwargs(subcommand) | {"weights_only": True}

    def before_instantiate_classes(self) -> None:
        self.fresh = self.settings.pop("fresh", False)  # an option of `fit`, not of the run: not for config.yaml
        if self.settings.data is None:
            raise UserError(
                "A run needs a model and data; got no data. Set data.class_path, or --config to an experiment file."
            )
        if self.subcommand != "fit":
            self.save_config_callback = None  # config.yaml describes the training
        trainer = self.settings.trainer
        check_settings(trainer)
        if trainer.default_root_dir is None:
            trainer.default_root_dir = default_folder([str(path) for path in self.settings.config or []])
        check_usable(trainer.default_root_dir)
        FolderLock(trainer.default_root_dir, str(self.subcommand)).check_free()
        if self.subcommand == "fit" and trainer.enable_checkpointing is False:
            raise UserError("A run writes checkpoints; got false. Leave out trainer.enable_checkpointing.")
        self.run_folder, self.smoke = trainer.default_root_dir, bool(trainer.fast_dev_run)
        if self.smoke:
            if self.subcommand == "fit":
                clear(self.run_folder)
            trainer.default_root_dir = smoke_folder(self.run_folder)
            info(f"smoke run (trainer.fast_dev_run): written to {trainer.default_root_dir}, not to the run folder")
        place_loggers(trainer.logger, trainer.default_root_dir, self.fresh)

    def instantiate_classes(self) -> None:
        try:
            super().instantiate_classes()
        except ValueError as error:  # jsonargparse wraps the message of a constructor in its own
            raise UserError(format_parser_error(str(error))) from error
        spec = facts_of(self.model).spec or self.datamodule.spec
        if self.datamodule.spec.num_classes and not spec.num_classes:
            info(f"{type(self.model).__name__} is unconditional: the labels of the data are ignored")
        self._dump_config()
        self.description = describe(self.config_dump, self.datamodule)
        self.model.save_hyperparameters(self.description)

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        config = self._get(self.config_init, "trainer")
        chosen: list[Callback] = config["callbacks"] or []
        chosen = chosen if isinstance(chosen, list) else [chosen]
        defaults: list[Callback] = [
            kind()
            for kind in DEFAULT_CALLBACKS.get(str(self.subcommand), ())
            if not any(isinstance(c, kind) for c in chosen)
        ]
        bar = sys.stdout.isatty() and config["enable_progress_bar"] is not False
        callbacks = [UpdateBar() if bar else PlainProgress(), *chosen, *defaults]
        # Scores are written before other callbacks read them, and the last checkpoint includes the state of all.
        first = PartialEvaluation, ScoreCallback
        callbacks.sort(key=lambda callback: isinstance(callback, LastCheckpoint) - isinstance(callback, first))
        fitting = self.subcommand == "fit"
        loggers = loggers_for(config["logger"], config["default_root_dir"], self.settings.tensorboard, fitting)
        plugins = with_own_requeue(config["plugins"])
        trainer = super().instantiate_trainer(
            callbacks=callbacks, logger=loggers, enable_progress_bar=bar, plugins=plugins, **kwargs
        )
        checkpoint_io.install(trainer)
        return trainer

    def _run_subcommand(self, subcommand: str) -> None:
        """Run the subcommand while the run folder is locked, because two runs in one folder would mix their files."""
        with FolderLock(self.trainer.default_root_dir, subcommand) as self.lock:
            try:
                with watch_for_mistakes(self.trainer):
                    super()._run_subcommand(subcommand)
            except Exception as error:
                status = end_on_mistake(self.trainer, error, user_message(error))
                if status is None:
                    raise
                raise Stopped(status) from error

    def before_fit(self) -> None:
        folder, fit = self.trainer.default_root_dir, self.config_init[self.subcommand]
        if self.trainer.max_steps < 1:
            raise UserError(
                f"A run needs its length in generator updates; got {self.trainer.max_steps}. Set trainer.max_steps."
            )
        if self.fresh and fit.ckpt_path:
            raise UserError("--fresh starts without a checkpoint; got --ckpt_path too. Leave out one of them.")
        check_training(self.trainer, self.model)
        check_strategy(self.trainer, self.model)
        check_batches(self.model, self.datamodule)
        if facts_of(self.model).batch_size_at(0) is not None:
            info(f"{type(self.model).__name__} sets the sizes of its batches: data.init_args.batch_size is not used")
        if fit.ckpt_path is None and not self.fresh:
            fit.ckpt_path = checkpoint_to_resume(folder)
        if fit.ckpt_path:
            checkpoint = read_checkpoint(fit.ckpt_path)
            check_same_run(checkpoint, self.description, folder)
            check_fits(checkpoint, self.model, fit.ckpt_path)
            done = checkpoint["global_step"]
            if done >= self.trainer.max_steps:
                info(
                    f"this run is finished: {done} of {self.trainer.max_steps} updates in {folder}\n"
                    "--fresh starts over; a larger --trainer.max_steps continues; "
                    "--trainer.default_root_dir sets another folder"
                )
                self.complete(folder)
                raise SystemExit(0)
            tell_missing(folder, checkpoint)
            info(f"resuming from update {done} of {self.trainer.max_steps} in {folder}")
        if not fit.ckpt_path:
            facts_of(self.model).check(self.trainer)
        if self.fresh:
            self.start_over(folder)
        if not fit.ckpt_path:
            info(f"{self.trainer.max_steps} generator updates in {folder}")
        remember_tracking(self.trainer.loggers, folder)
        reach_wandb(self.trainer.loggers)

    @rank_zero_only
    def start_over(self, folder: str) -> None:
        self.datamodule.prepare_data()  # missing data raises before the earlier run is renamed
        if aside := set_aside(folder):
            self.lock.follow(aside)
            info(f"starting over; the earlier run is now {aside}")

    @rank_zero_only
    def complete(self, folder: str) -> None:
        """Write the curves and the report of a finished run if the command was killed before it wrote them."""
        if not is_completed(folder):
            for callback in self.trainer.callbacks:  # type: ignore[attr-defined]  # set by a connector of Lightning
                if isinstance(callback, Curves | Report):
                    callback.on_fit_end(self.trainer, self.model)

    def before_validate(self) -> None:
        check_precision(self.trainer)
        evaluation = self.config_init[self.subcommand]
        folder = with_checkpoint(self.run_folder) if self.smoke else self.run_folder
        evaluation.ckpt_path = find_checkpoint(folder, evaluation.ckpt_path)
        check_fits(read_checkpoint(evaluation.ckpt_path), self.model, evaluation.ckpt_path)
        reach_wandb(self.trainer.loggers)
        # Callbacks print and write the results.
        evaluation["return_predictions" if self.subcommand == "predict" else "verbose"] = False

    before_predict = before_validate

    def before_test(self) -> None:
        test, folder = self.config_init["test"], self.run_folder
        if self.smoke:
            self.second = None
            return self.before_validate()
        protocol = data_facts(self.datamodule).protocol
        self.second = second_checkpoint(folder) if test.ckpt_path is None else None
        self.before_validate()
        check_own(folder, test.ckpt_path)
        written, name = read_results(folder), entry_name("test", protocol, test.ckpt_path, folder)
        done = written.get(name)
        if done and self.second and f"{name}_last" not in written:  # the command stopped between the two
            test.ckpt_path, self.second = self.second, None
        elif done and not test.again:
            info(scored_already(folder, done, read_checkpoint(test.ckpt_path)["global_step"]))
            self.complete(folder)
            raise SystemExit(0)
        if warning := unfinished(folder, self.trainer.max_steps):
            info(warning)

    def after_test(self) -> None:
        """Score the last checkpoint as well as the best one, unless --ckpt_path selects one."""
        if self.second:
            self.trainer.test(
                self.model, datamodule=self.datamodule, ckpt_path=self.second, verbose=False, weights_only=True
            )


def describe(config: dict[str, Any], data: Any) -> dict[str, Any]:
    """The identity of a run as plain values: stored in every checkpoint, and sufficient to build the model again."""
    model = config["model"]
    if "spec" in model.get("init_args", {}):
        model["init_args"]["spec"] = list(data.spec)
    return {"model": model, "data": config["data"], "seed_everything": config["seed_everything"]}


def check_local_paths(settings: Any) -> None:
    """Check that checkpoint and run folder are local, and that no checkpoint is unpickled, which would run its code.

    Raises:
        UserError: for a remote checkpoint or folder, or for ``weights_only`` false.
    """
    if settings.get("ckpt_path"):
        check_local(settings.ckpt_path)
    if settings.get("weights_only") is False:
        raise UserError("Checkpoints are never unpickled; got weights_only false. Leave out weights_only.")
    if "://" in str(settings.trainer.default_root_dir):
        raise UserError(
            f"The run folder is a local folder; got {settings.trainer.default_root_dir}. Set trainer.default_root_dir."
        )


def with_own_requeue(plugins: Any) -> Any:
    """The Trainer's plugins, on SLURM with Lightning's requeueing switched off.

    Lightning's requeueing saves in the middle of an update, and resumes from a file that is not checked.
    """
    chosen = plugins if isinstance(plugins, list) else [plugins] if plugins else []
    if not SLURMEnvironment.detect() or any(isinstance(plugin, ClusterEnvironment) for plugin in chosen):
        return plugins
    return [*chosen, SLURMEnvironment(auto_requeue=False)]


def main(args: list[str] | None = None) -> int:
    """Run a Trainer command and return the exit status, as in :mod:`lightning_cgan.cli.main`."""
    quiet_warnings()
    signals = Signals(raise_stop)
    signals.install()
    try:
        CLI(args)
    except (SystemExit, KeyboardInterrupt) as stop:
        if isinstance(stop, KeyboardInterrupt) or isinstance(stop.__context__, KeyboardInterrupt):
            print("interrupted; the same command resumes from the last checkpoint", file=sys.stderr)
            return 130
        if isinstance(stop, SIGTERMException):
            return 143  # with status 0, as in Lightning's exception, a pre-empted job would look finished
        if isinstance(stop.code, str):
            print(stop.code, file=sys.stderr)
            return 1
        return stop.code or 0
    except NonFiniteError as error:
        print("\n".join([f"lightning-cgan: {error}", *error.__notes__]), file=sys.stderr)
        return 3
    except Exception as error:
        message = user_message(error)
        if lost_peer(error):
            print("lightning-cgan: another process of this run has ended; see its message above", file=sys.stderr)
            return 1
        if message is None:
            raise
        if not repeats_another():
            print(f"lightning-cgan: {message}", file=sys.stderr)
        return 2
    finally:
        signals.restore()
    return 0
