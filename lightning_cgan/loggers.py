"""Where a run's scalars and pictures go: always to the CSV file, and to what was asked for beside it."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger
from lightning.pytorch.utilities import rank_zero_only

from lightning_cgan.csv_log import RunLog
from lightning_cgan.runs.files import aside, tolerated, write_text

TRACKING = "tracking_id"  # file in the run folder: by it W&B knows that a resumed run is the same run


def place_loggers(config: Any, folder: str, fresh: bool) -> None:
    """Let the loggers in the parsed ``config`` write to the run folder, and W&B go on with a run that is resumed."""
    for logger in config if isinstance(config, list) else [config]:
        if not hasattr(logger, "init_args"):
            continue
        if logger.init_args.get("save_dir") == ".":
            logger.init_args.save_dir = folder
        if "WandbLogger" in logger.class_path and not logger.init_args.id:
            logger.init_args.id = None if fresh else known_tracking(Path(folder, TRACKING))
            logger.init_args.id = logger.init_args.id or uuid4().hex[:8]


def known_tracking(path: Path) -> str | None:
    """W&B's name of the run; None where there is none, or a broken one, which is set aside."""
    if not path.exists():
        return None
    try:
        name = path.read_text()
    except (OSError, ValueError) as error:
        aside(path, str(error))
        return None
    if not re.fullmatch(r"[\w-]{1,128}", name):
        aside(path, "it holds no name of a W&B run")
        return None
    return name


def loggers_for(
    chosen: Logger | list[Logger] | bool | None, folder: str, tensorboard: bool, fitting: bool
) -> list[Logger]:
    """CSV always while training, and what was asked for.

    Raises:
        ValueError: for TensorBoard where it is not installed.
    """
    loggers = chosen if isinstance(chosen, list) else [chosen] if isinstance(chosen, Logger) else []
    if tensorboard:
        if not find_spec("tensorboard"):
            raise ValueError(
                "--tensorboard needs the tensorboard package; it is not installed. "
                "Run `pip install 'lightning-cgan[tensorboard]'`, or leave out --tensorboard."
            )
        loggers = [TensorBoardLogger(folder, name="tensorboard", version=""), *loggers]
    return [RunLog(folder), *loggers] if fitting else loggers


@rank_zero_only
def remember_tracking(loggers: list[Logger], folder: str) -> None:
    """Keep W&B's name of this run in the run folder."""
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            with tolerated(TRACKING):
                write_text(Path(folder, TRACKING), str(logger._id))
