"""A W&B logger whose failures do not end the run."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from lightning.pytorch.loggers import WandbLogger

from lightning_cgan.console import info


def tolerated(method: Callable[..., Any]) -> Callable[..., None]:
    """``method`` of a :class:`ToleratedWandb`, which does nothing after the first failure of any of them."""

    @wraps(method)
    def attempt(logger: "ToleratedWandb", *args: Any, **kwargs: Any) -> None:
        if logger.lost:
            return
        try:
            method(logger, *args, **kwargs)
        except Exception as error:  # its process or server may be gone, or may refuse the data
            logger.lost = True
            info(f"warning: W&B has failed and gets no more of this run ({first_line(error)}); metrics.csv continues")

    return attempt


class ToleratedWandb(WandbLogger):
    """A W&B logger that stops logging, with a warning, at the first call that fails; training continues."""

    lost = False

    log_metrics = tolerated(WandbLogger.log_metrics)
    log_hyperparams = tolerated(WandbLogger.log_hyperparams)
    log_image = tolerated(WandbLogger.log_image)
    log_table = tolerated(WandbLogger.log_table)
    after_save_checkpoint = tolerated(WandbLogger.after_save_checkpoint)
    finalize = tolerated(WandbLogger.finalize)


def first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
