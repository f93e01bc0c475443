"""Style transfer on two processes, forked from this one."""

import os

import pytest
from lightning.fabric.plugins.environments.lightning import find_free_network_port
from torch import multiprocessing

from datamodules.embedded.photo_crops import PhotoCrops
from lightning_cgan.callbacks.scores.style_transfer import StyleTransferBenchmark
from lightning_cgan.runs.metrics_json import read_results
from tests.papers.test_style_transfer import model
from tests.translation import trainer

LENGTH = {"max_steps": 3, "limit_val_batches": 0, "check_val_every_n_epoch": None}


def score(folder, **options):
    """Writes the scores of the test after three updates."""
    paper, data = model(), PhotoCrops(size=16, each=3, batch_size=4, evaluation_batch_size=2)
    runner = trainer(folder, **LENGTH, callbacks=[StyleTransferBenchmark(steps=2)], **options)
    runner.fit(paper, data)
    runner.test(paper, data, verbose=False)


def one_of_two(rank, folder, port):
    place = {"LOCAL_RANK": rank, "NODE_RANK": 0, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ |= {name: str(value) for name, value in place.items()}
    score(folder, devices=2, strategy="ddp")


def test_two_processes_train_and_score_as_one_does(tmp_path):
    told = (str(tmp_path / "two"), find_free_network_port())
    multiprocessing.start_processes(one_of_two, told, nprocs=2, start_method="fork")
    score(tmp_path / "one")
    alone, together = (read_results(tmp_path / name)["test"] for name in ("one", "two"))
    assert together["card"]["fakes"] == 9
    for name in ("loss", "loss_content", "loss_style", "loss_optimised_from_content"):
        assert together["scores"][name] == pytest.approx(alone["scores"][name], rel=1e-3)
        assert together["standard_errors"][name] == pytest.approx(alone["standard_errors"][name], rel=1e-2)
