"""Writes the report of a run, and logs its tables to Weights & Biases."""

from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_warn

from lightning_cgan.console import info
from lightning_cgan.runs.report import write_report
from lightning_cgan.runs.report.folder import Run, at, read_run
from lightning_cgan.runs.report.tables import classes_of, evaluations, number, score_table


class Report(Callback):
    """Writes ``report.html`` in the run folder at the end of ``fit``, ``validate`` and ``test``.

    In W&B it is "report", beside the tables "scores" and "classes" and the picture "neighbours"; the evaluation cards
    are in the run's configuration under "card". A report that cannot be written is a warning, and the run continues.
    """

    printed: Path | None = None  # the path that was last printed

    def on_fit_end(self, trainer: Trainer, module: LightningModule) -> None:
        for logger in trainer.loggers:
            logger.save()  # rows may still be buffered
        self.write(trainer)

    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        if trainer.state.fn == "validate":
            self.write(trainer)

    def on_test_end(self, trainer: Trainer, module: LightningModule) -> None:
        self.write(trainer)

    def write(self, trainer: Trainer) -> None:
        if not trainer.is_global_zero or trainer.fast_dev_run:
            return
        try:
            path = write_report(trainer.default_root_dir)
            if path != self.printed:
                info(f"report in {path}")
            self.printed = path
            run = read_run(path.parent)
            for logger in trainer.loggers:
                if isinstance(logger, WandbLogger):
                    publish(logger, run, path)
        except Exception as error:  # a run must not fail because of its report
            rank_zero_warn(f"No report: {type(error).__name__}: {error}")


def publish(logger: WandbLogger, run: Run, path: Path) -> None:
    """Log the tables and the report in ``path`` to W&B, online or offline."""
    import wandb

    for key, (heads, rows) in tables(run).items():
        logger.log_table(key, columns=heads, data=rows)
    if run.neighbours:
        logger.log_image("neighbours", [str(run.folder / "neighbours.png")])
    logger.log_hyperparams({"card": {split: entry.get("card") for split, entry in run.metrics.items()}})
    logger.experiment.log({"report": wandb.Html(str(path), inject=False)})


def tables(run: Run) -> dict[str, tuple[list[str], list[list[Any]]]]:
    """Column heads and rows of the tables "scores" and "classes", where there are any."""
    found = {}
    if splits := evaluations(run):
        heads = [head for split in splits for head in (split, f"{split} standard error")]
        kinds = [(split, kind) for split in splits for kind in ("scores", "standard_errors")]
        rows = []
        for score in score_table(run):
            cells = [number(at(run.metrics, split, kind, score.name)) for split, kind in kinds]
            rows.append([score.name, *cells, score.better, score.meaning])
        found["scores"] = (["score", *heads, "better", "meaning"], rows)
    if classes := classes_of(run):
        names = list({name: None for entry in classes.values() for name in entry})
        lines = [[label, *(number(entry.get(name)) for name in names)] for label, entry in classes.items()]
        found["classes"] = (["class", *names], lines)
    return found
