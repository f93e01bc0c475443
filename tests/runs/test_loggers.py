"""W&B for real, in a process of its own as a user runs it."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import wandb
from lightning.pytorch.loggers import WandbLogger

from lightning_cgan.runs import loggers
from lightning_cgan.runs.wandb_log import ToleratedWandb
from tests.conftest import DIGITS, TINY
from tests.processes import as_processes


@pytest.fixture
def fit(tmp_path):
    """Trains with the W&B overlay, without a key and with nobody at the keyboard."""

    def run(steps, **environment):
        args = [f"--config={DIGITS}", "--config=experiments/cluster/wandb.yaml", *TINY, f"--trainer.max_steps={steps}"]
        args += ["--trainer.val_check_interval=2", f"--trainer.default_root_dir={tmp_path / 'run'}"]
        return as_processes(["fit", *args], 1, tmp_path / "printed", HOME=str(tmp_path), **environment)[0]

    return run


def test_wandb_offline_records_scalars_and_pictures_and_knows_a_resumed_run(fit, tmp_path):
    for steps in (2, 4):
        done = fit(steps, WANDB_MODE="offline")
        assert done.status == 0, done.out + done.err
    folder = tmp_path / "run"
    identity = (folder / "tracking_id").read_text()
    records = sorted((folder / "wandb").glob(f"offline-run-*-{identity}/run-{identity}.wandb"))
    assert len(records) == 2
    assert b"train/loss_d" in records[0].read_bytes()
    assert b"val/fid" in records[1].read_bytes()
    assert len(list((folder / "wandb").glob("offline-run-*/files/media/images/samples*.png"))) == 2
    assert (folder / "metrics.csv").is_file()


@pytest.fixture
def server():
    """A server that answers every question with one status; with None it takes the question and says nothing."""
    silent, servers = threading.Event(), []

    def start(status):
        class Answer(BaseHTTPRequestHandler):
            def do_POST(self):
                if status is None:
                    silent.wait(60)
                else:
                    self.send_response(status)
                    self.end_headers()

            def log_message(self, *_):
                pass

        servers.append(HTTPServer(("127.0.0.1", 0), Answer))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield start
    silent.set()
    for each in servers:
        each.shutdown()


class Broken:
    """A W&B run whose process is gone."""

    def define_metric(self, *_, **__):
        pass

    def log(self, *_, **__):
        raise BrokenPipeError("the service is gone")


def test_a_wandb_that_fails_in_a_run_is_a_warning_and_is_left_alone(capsys):
    logger = ToleratedWandb(experiment=None)
    logger._experiment = Broken()
    for step in (1, 2):
        logger.log_metrics({"loss": 1.0}, step=step)
        logger.log_image("samples", [], step=step)
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert said.startswith("warning: W&B has failed and gets no more of this run (the service is gone)")


def test_the_wandb_of_a_run_is_the_one_that_is_tolerated():
    from jsonargparse import Namespace

    asked = Namespace(
        class_path="lightning.pytorch.loggers.wandb.WandbLogger", init_args=Namespace(id=None, save_dir=".")
    )
    loggers.place_loggers(asked, "runs/none", fresh=True)
    assert asked.class_path == "lightning_cgan.runs.wandb_log.ToleratedWandb"
    assert asked.init_args.save_dir == "runs/none"


@pytest.mark.parametrize(
    ("status", "trouble"), [(200, None), (401, None), (500, "HTTP 500"), (502, "HTTP 502"), (None, "timed out")]
)
def test_only_a_server_that_does_not_answer_is_passed_over(server, monkeypatch, status, trouble):
    monkeypatch.setattr(loggers, "PATIENCE", 1)
    monkeypatch.setenv("WANDB_BASE_URL", server(status))
    wandb.teardown()  # it reads the environment once
    assert loggers.unanswered(WandbLogger()) == trouble
    assert loggers.unanswered(WandbLogger(offline=True)) is None
    wandb.teardown()


def test_where_wandb_does_not_answer_the_run_is_logged_offline_and_trained(fit, tmp_path):
    done = fit(2, WANDB_BASE_URL="http://127.0.0.1:9", WANDB_API_KEY="a" * 40)
    assert done.status == 0, done.out + done.err
    assert "W&B does not answer ([Errno 111] Connection refused); this run is logged offline" in done.out
    assert list((tmp_path / "run" / "wandb").glob("offline-run-*"))
    assert (tmp_path / "run" / "metrics.csv").is_file()


def test_wandb_without_a_key_ends_in_plain_words_before_the_first_step(fit, tmp_path, server):
    done = fit(2, WANDB_BASE_URL=server(401))
    assert done.status == 2
    assert "WANDB_MODE=offline needs no key" in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "run" / "last.ckpt").exists()
