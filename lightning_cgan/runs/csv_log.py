"""The CSV logger of every scalar: ``metrics.csv`` in the run folder, continued when a run is resumed."""

import csv
import io
import os
import shutil
from pathlib import Path
from typing import Any

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.loggers.csv_logs import ExperimentWriter

from lightning_cgan.console import info
from lightning_cgan.runs.csv_rows import before, read_rows
from lightning_cgan.runs.files import rename_broken, replacing


class RunLog(CSVLogger):
    """Lightning's CSV logger without version folders, which keeps the rows of an interrupted run.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: str) -> None:
        super().__init__(save_dir=folder, name="", version="")

    def log_hyperparams(self, params: Any = None) -> None:
        """Does nothing: ``config.yaml`` is in the run folder and holds more."""

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        if self._experiment is None:
            os.makedirs(self.root_dir, exist_ok=True)
            self._experiment = ContinuedWriter(log_dir=self.log_dir)
        return self._experiment


class ContinuedWriter(ExperimentWriter):
    """Appends to an existing file. Old rows from the first new one on belong to repeated updates and are removed.

    A kill or a full disk leaves only whole rows; rows that could not be written are written later.
    """

    def _check_log_dir_exists(self) -> None:
        self.path = Path(self.metrics_file_path)
        self.first: dict[str, Any] | None = None  # row
        self.continuing = self.path.exists() and is_log(self.path)
        self.header = read_rows(self.path)[0] if self.continuing else []
        self.metrics_keys = list(self.header)

    def log_metrics(self, metrics_dict: dict[str, float], step: int | None = None) -> None:
        if self.first is None and step is not None:
            self.first = {**metrics_dict, "step": step}
        super().log_metrics(metrics_dict, step)

    def save(self) -> None:
        if not self.metrics:
            return
        self._record_new_keys()
        try:
            if self.continuing or self.header != self.metrics_keys or not self.path.is_file():
                self.rewrite()
            else:
                self.append()
        except OSError as error:
            info(f"warning: {self.path} could not be written: {error.strerror or error}; the next save tries again")
        else:
            self.metrics = []

    def rewrite(self) -> None:
        """Write the whole file, to add columns or to remove rows of repeated updates."""
        rows = read_rows(self.path)[1] if self.path.is_file() else []
        if self.continuing and self.first is not None:
            rows = before(rows, self.first)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(self.path) as file:
            file.write(written([{key: key for key in self.metrics_keys}, *rows, *self.metrics], self.metrics_keys))
        self.continuing, self.header = False, list(self.metrics_keys)

    def append(self) -> None:
        size = self.path.stat().st_size
        try:
            with self.path.open("ab") as file:
                file.write(written(self.metrics, self.metrics_keys))
        except OSError:
            os.truncate(self.path, size)  # half a row would corrupt the next
            raise


def written(rows: list[Any], keys: list[str]) -> bytes:
    text = io.StringIO(newline="")
    csv.DictWriter(text, fieldnames=keys).writerows(rows)
    return text.getvalue().encode()


def is_log(path: Path) -> bool:
    """Whether the file can be continued; a file with unreadable parts is kept under another name, with a warning."""
    try:
        keys, rows = read_rows(path)
        with open(path, newline="") as file:
            lines = sum(1 for line in csv.reader(file) if line)
    except (OSError, ValueError, csv.Error) as error:
        rename_broken(path, str(error))
        return False
    if lines and "step" not in keys:
        rename_broken(path, "its first line does not name the columns")
        return False
    lost = lines - 1 - len(rows)
    if lost > 1:  # one row may have been cut by a kill
        kept = path.with_name(f"{path.name}.broken")
        shutil.copyfile(path, kept)
        info(f"warning: {lost} rows of {path} cannot be read and are left out; the file as it was is {kept.name}")
    return True
