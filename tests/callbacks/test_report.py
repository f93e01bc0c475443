import json
import re
import shlex
from html import unescape
from pathlib import Path

import pytest
import wandb
from lightning.pytorch.loggers import WandbLogger

from lightning_cgan.callbacks.report import Report, publish, tables
from lightning_cgan.cli.main import main
from lightning_cgan.runs.report import write_report
from lightning_cgan.runs.report.folder import read_run
from tests.runs.report.run_folders import write_digits_run


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return write_digits_run(tmp_path_factory.mktemp("runs") / "digits", updates=100)


class Trainer:
    """As much of one as the callback reads."""

    is_global_zero, fast_dev_run, loggers = True, False, ()

    def __init__(self, folder):
        self.default_root_dir = str(folder)


def test_fit_and_test_leave_a_report_that_holds_what_they_made_and_makes_it_again(run, tmp_path, monkeypatch):
    assert run("fit", steps=2, every=1) == 0
    page = tmp_path / "run" / "report.html"
    assert "finished: 2 generator updates" in page.read_text()
    assert "not scored on test data" in page.read_text()
    assert run("test", steps=2) == 0
    assert "not scored on test data" not in page.read_text()
    assert "Samples of the run, test.png" in page.read_text()
    assert page.stat().st_size < 2_000_000

    config, commands = map(unescape, re.findall(r"<pre[^>]*>(.*?)</pre>", page.read_text(), re.DOTALL))
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text(config)
    for command in commands.splitlines():
        assert main(shlex.split(command)[1:]) == 0
    for name in ("metrics.csv", "samples/000002.png", "samples/test.png"):
        assert Path("run.again", name).read_bytes() == Path("run", name).read_bytes()


def test_a_report_that_cannot_be_written_is_a_warning(tmp_path):
    with pytest.warns(UserWarning, match="No report: UserError: A report is made from a run folder"):
        Report().on_test_end(Trainer(tmp_path), None)


def test_only_the_first_process_writes(digits):
    trainer = Trainer(digits)
    trainer.is_global_zero = False
    Report().on_test_end(trainer, None)
    assert not (digits / "report.html").exists()


def test_tables_hold_numbers_and_classes_the_worst_first(digits):
    heads, rows = tables(read_run(digits))["scores"]
    assert heads[:4] == ["score", "test", "test standard error", "test_last"]
    assert rows[0][:3] == ["fid", 11.517005, 0.31]
    heads, rows = tables(read_run(digits))["classes"]
    assert heads == ["class", "fid", "accuracy", "reals", "fakes"]
    assert rows[0] == ["7", 65.25, 0.993, 50.0, 500.0]


def test_wandb_offline_holds_the_panels_and_the_report(digits, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    logger = WandbLogger(save_dir=tmp_path, project="test", id="report")
    publish(logger, read_run(digits), write_report(digits))
    summary, config = dict(logger.experiment.summary), dict(logger.experiment.config)
    wandb.finish()
    wandb.teardown()  # the service behind it would be found by other tests' processes
    assert {"scores", "classes", "neighbours", "report"} <= summary.keys()
    assert config["card"]["test"]["extractor"]["name"] == "digits-classifier"
    (media,) = tmp_path.glob("wandb/offline-run-*-report/files/media")
    (table,) = media.glob("table/classes_*.json")
    assert json.loads(table.read_text())["data"][0][0] == "7"
    (page,) = media.glob("html/report_*.html")
    assert page.read_bytes() == (digits / "report.html").read_bytes()
    assert len(list(media.glob("images/neighbours*.png"))) == 1
