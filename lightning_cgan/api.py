"""The suite from Python: what the command line builds, and what a checkpoint holds."""

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningDataModule, LightningModule

from lightning_cgan.cli import CLI
from lightning_cgan.parser import Parser
from lightning_cgan.run_folder import read_checkpoint


class Builder(CLI):
    """The command line without a trainer."""

    def before_instantiate_classes(self) -> None:
        self.config.pop("trainer")

    def instantiate_trainer(self, **kwargs: Any) -> Any:
        """Nothing is run."""


def build(experiment: str | Path, *overrides: str) -> tuple[LightningModule, LightningDataModule]:
    """The model and the data module of an experiment file, as the command line would make them.

    No image is read. Train with ``Trainer(use_distributed_sampler=False, check_val_every_n_epoch=None, ...)``.

    Args:
        experiment: path of the YAML file.
        overrides: as on the command line, ``"--model.init_args.critic_updates=1"`` or ``"--config", "overlay.yaml"``.

    Raises:
        ValueError: for an unknown key or an impossible value, with the nearest valid name.
    """
    builder = Builder(["--config", str(experiment), *overrides], run=False)
    return builder.model, builder.datamodule


def load(checkpoint: str | Path, device: str | torch.device = "cpu") -> LightningModule:
    """The model of a checkpoint in eval mode. The checkpoint says itself what it is.

    Args:
        checkpoint: a file that ``fit`` has written.
        device: where to put it.

    Raises:
        ValueError: if the file is missing or not a checkpoint of this suite.
    """
    content = read_checkpoint(checkpoint)
    parser = Parser(allow_abbrev=False)
    parser.add_lightning_class_args(LightningModule, "model", subclass_mode=True)
    config = parser.parse_object({"model": content["hyper_parameters"]["model"]})
    model = parser.instantiate_classes(config)["model"]
    model.load_state_dict(content["state_dict"])
    return model.to(device).eval()
