"""The loggers of a run: always the CSV file, and the requested ones."""

import json
import os
import re
import ssl
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen
from uuid import uuid4

from jsonargparse import Namespace
from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger
from lightning.pytorch.utilities import rank_zero_only

from lightning_cgan._compat import wandb_id, wandb_is_offline
from lightning_cgan.console import info
from lightning_cgan.errors import UserError
from lightning_cgan.runs.csv_log import RunLog
from lightning_cgan.runs.files import rename_broken, tolerated, write_text
from lightning_cgan.runs.wandb_log import first_line

PATIENCE = 10  # seconds for W&B to answer a question
WANDB = {f"{module}.WandbLogger" for module in ("lightning.pytorch.loggers", "lightning.pytorch.loggers.wandb")}
TRACKING = "tracking_id"  # file in the run folder with the W&B id of the run, for resuming


def place_loggers(config: Any, folder: str, fresh: bool) -> None:
    """Make the loggers in the parsed ``config`` write to the run folder, and W&B continue a resumed run."""
    for logger in config if isinstance(config, list) else [config]:
        if not isinstance(logger, Namespace) or "init_args" not in logger:
            continue
        if logger.init_args.get("save_dir") == ".":
            logger.init_args.save_dir = folder
        if logger.class_path in WANDB:
            logger.class_path = "lightning_cgan.runs.wandb_log.ToleratedWandb"
        if "Wandb" in logger.class_path and not logger.init_args.id:
            logger.init_args.id = None if fresh else known_tracking(Path(folder, TRACKING))
            logger.init_args.id = logger.init_args.id or uuid4().hex[:8]


def known_tracking(path: Path) -> str | None:
    """The W&B id of the run; None if there is none or its file is broken, which is then set aside."""
    if not path.exists():
        return None
    try:
        name = path.read_text()
    except (OSError, ValueError) as error:
        rename_broken(path, str(error))
        return None
    if not re.fullmatch(r"[\w-]{1,128}", name):
        rename_broken(path, "it holds no name of a W&B run")
        return None
    return name


def loggers_for(
    chosen: Logger | list[Logger] | bool | None, folder: str, tensorboard: bool, fitting: bool
) -> list[Logger]:
    """The CSV logger while training, and the requested loggers.

    Raises:
        UserError: for TensorBoard if it is not installed.
    """
    loggers = chosen if isinstance(chosen, list) else [chosen] if isinstance(chosen, Logger) else []
    if tensorboard:
        if not find_spec("tensorboard"):
            raise UserError(
                "--tensorboard needs the tensorboard package; got none, it is not installed. "
                "Run `pip install 'lightning-cgan[tensorboard]'`, or leave out --tensorboard."
            )
        loggers = [TensorBoardLogger(folder, name="tensorboard", version=""), *loggers]
    return [RunLog(folder), *loggers] if fitting else loggers


@rank_zero_only
def remember_tracking(loggers: list[Logger], folder: str) -> None:
    """Write the W&B id of this run to the run folder."""
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            with tolerated(TRACKING):
                write_text(Path(folder, TRACKING), wandb_id(logger))


@rank_zero_only
def reach_wandb(loggers: list[Logger]) -> None:
    """Start the W&B run, offline if the server does not answer; W&B itself would wait for 90 seconds and then fail."""
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            os.environ.setdefault("WANDB_INIT_TIMEOUT", str(2 * PATIENCE))
            if trouble := unanswered(logger) or start(logger):
                go_offline(logger, trouble)


def go_offline(logger: WandbLogger, trouble: str) -> None:
    import wandb

    os.environ["WANDB_MODE"] = "offline"
    wandb.teardown()  # it has already read the environment
    run = logger.experiment
    info(
        f"W&B does not answer ({trouble}); this run is logged offline, and "
        f"`wandb sync {Path(run.settings.sync_dir)}` sends it later"
    )


def unanswered(logger: WandbLogger) -> str | None:
    """Why the W&B server cannot be used; None if it can, or if the logger is offline or disabled."""
    import wandb

    settings = wandb.setup().settings
    if wandb_is_offline(logger) or settings.mode not in (None, "online", "shared"):
        return None
    question = Request(
        f"{settings.base_url}/graphql",
        json.dumps({"query": "{ __typename }"}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urlopen(question, timeout=PATIENCE):
            return None
    except HTTPError as error:  # the server answered, if only to ask for a login
        return f"HTTP {error.code}" if error.code >= 500 else None
    except URLError as error:  # certificates are checked by W&B itself
        return None if isinstance(error.reason, ssl.SSLError) else str(error.reason)
    except (OSError, HTTPException) as error:
        return str(error) or type(error).__name__


def start(logger: WandbLogger) -> str | None:
    """Start the run; the reason if that failed, else None."""
    from wandb.errors import CommError

    try:
        logger.experiment  # noqa: B018
    except CommError as error:
        return first_line(error)
    return None
