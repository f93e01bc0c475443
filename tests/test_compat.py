import ast
import subprocess

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.cli import LightningCLI
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.plugins.environments import LightningEnvironment
from lightning.pytorch.strategies import DDPStrategy

from lightning_cgan import _compat
from tests.conftest import REPOSITORY

QUIET = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "accelerator": "cpu"}


def test_a_private_part_that_is_gone_is_told_with_the_tested_and_the_installed_version():
    told = r"uses _gone of lightning.pytorch.cli.LightningCLI, tested with lightning 2.6.4 to 2.6.6; got lightning \d"
    with pytest.raises(ImportError, match=told):
        _compat.private(LightningCLI, "_gone")
    with pytest.raises(ImportError, match=r"_gone of jsonargparse._util, tested with jsonargparse 4"):
        _compat.private(_compat.util, "_gone")
    with pytest.raises(ImportError, match=r"_gone of lightning.pytorch.strategies.ddp.DDPStrategy"):
        _compat.private(DDPStrategy(), "_gone")


def test_no_other_file_imports_what_lightning_or_jsonargparse_keep_private():
    for file in [*REPOSITORY.glob("lightning_cgan/**/*.py"), *REPOSITORY.glob("datamodules/**/*.py")]:
        for node in ast.walk(ast.parse(file.read_text())):
            theirs = isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("lightning.", "jsonargparse"))
            if theirs and file.name != "_compat.py":
                path = [*node.module.split("."), *(name.name for name in node.names)]
                assert not [name for name in path if name.startswith("_")], file


class TwoOptimizers(LightningModule):
    """Takes a step with each of two optimizers, and leaves the first out of the count."""

    def __init__(self):
        super().__init__()
        self.automatic_optimization = False
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def training_step(self, batch):
        first, second = self.optimizers()
        _compat.leave_uncounted(first)
        first.step()
        second.step()

    def configure_optimizers(self):
        return [torch.optim.SGD(self.parameters(), lr=0.1) for _ in range(2)]


def test_a_step_that_is_left_uncounted_is_not_in_the_global_step():
    trainer = Trainer(max_epochs=1, **QUIET)
    trainer.fit(TwoOptimizers(), torch.zeros(3, 1))
    assert trainer.global_step == 3


def test_the_processes_of_a_run_that_has_launched_none_are_none():
    assert _compat.launched_processes(Trainer(**QUIET)) == []


def test_the_processes_that_lightning_has_launched_are_found():
    trainer = Trainer(strategy="ddp", devices=2, **QUIET)
    process = subprocess.Popen(["true"])
    trainer.strategy.cluster_environment = LightningEnvironment()
    trainer.strategy._configure_launcher()
    trainer.strategy.launcher.procs.append(process)
    assert _compat.launched_processes(trainer) == [process]
    process.wait()


def test_the_arguments_of_ddp_are_those_of_its_strategy():
    assert _compat.arguments_of_ddp(DDPStrategy(find_unused_parameters=True)) == {"find_unused_parameters": True}


@pytest.mark.parametrize("asked", [False, True])
def test_whether_lightning_shards_the_data_is_what_was_asked_for(asked):
    assert _compat.uses_distributed_sampler(Trainer(use_distributed_sampler=asked, **QUIET)) is asked


@pytest.mark.parametrize("offline", [False, True])
def test_a_wandb_logger_tells_its_run_and_whether_it_is_offline_before_the_run_begins(offline, tmp_path):
    logger = WandbLogger(id="name", offline=offline, save_dir=tmp_path)
    assert (_compat.wandb_id(logger), _compat.wandb_is_offline(logger)) == ("name", offline)
