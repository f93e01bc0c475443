"""The run's own record of every scalar: ``metrics.csv`` in the run folder, continued when a run is resumed."""

import csv
import os
from pathlib import Path
from typing import Any

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.loggers.csv_logs import ExperimentWriter

from lightning_cgan.rows import before, read_rows


class RunLog(CSVLogger):
    """Lightning's CSV logger without versions, and without deleting what an interrupted run has written.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: str) -> None:
        super().__init__(save_dir=folder, name="", version="")

    def log_hyperparams(self, params: Any = None) -> None:
        """``config.yaml`` lies beside the log already, and holds more."""

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        if self._experiment is None:
            os.makedirs(self.root_dir, exist_ok=True)
            self._experiment = ContinuedWriter(log_dir=self.log_dir)
        return self._experiment


class ContinuedWriter(ExperimentWriter):
    """Appends to an existing file. Rows from the first that it is given on are of work being done again."""

    def _check_log_dir_exists(self) -> None:
        self.continuing = Path(self.metrics_file_path).is_file()
        if self.continuing:
            self.metrics_keys = read_rows(self.metrics_file_path)[0]

    def log_metrics(self, metrics_dict: dict[str, float], step: int | None = None) -> None:
        if self.continuing and step is not None:
            self.continuing = False
            rows = before(read_rows(self.metrics_file_path)[1], {**metrics_dict, "step": step})
            with open(self.metrics_file_path, "w", newline="") as file:
                writer = csv.DictWriter(file, fieldnames=self.metrics_keys)
                writer.writeheader()
                writer.writerows(rows)
        super().log_metrics(metrics_dict, step)
