"""A W&B logger whose failures do not end the run."""

from collections.abc import Callable
from typing import Any

from lightning.pytorch.loggers import WandbLogger

from lightning_cgan.console import info


class ToleratedWandb(WandbLogger):
    """A W&B logger that stops logging, with a warning, at the first call that fails; training continues."""

    lost = False

    def attempt(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        if self.lost:
            return
        try:
            call(*args, **kwargs)
        except Exception as error:  # its process or server may be gone, or may refuse the data
            self.lost = True
            info(f"warning: W&B has failed and gets no more of this run ({first_line(error)}); metrics.csv continues")

    def log_metrics(self, *args: Any, **kwargs: Any) -> None:
        self.attempt(super().log_metrics, *args, **kwargs)

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        self.attempt(super().log_hyperparams, *args, **kwargs)

    def log_image(self, *args: Any, **kwargs: Any) -> None:
        self.attempt(super().log_image, *args, **kwargs)

    def log_table(self, *args: Any, **kwargs: Any) -> None:
        self.attempt(super().log_table, *args, **kwargs)

    def after_save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        self.attempt(super().after_save_checkpoint, *args, **kwargs)

    def finalize(self, *args: Any, **kwargs: Any) -> None:
        self.attempt(super().finalize, *args, **kwargs)


def first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
