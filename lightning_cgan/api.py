"""The suite from Python: what the command line builds, and what a checkpoint holds."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningDataModule, LightningModule

from lightning_cgan.cli.lightning import CLI
from lightning_cgan.config.stored_model import check_local, stored_model
from lightning_cgan.runs.run_folder import check_fits, read_checkpoint


class Builder(CLI):
    """The command line without a trainer."""

    def before_instantiate_classes(self) -> None:
        self.config.pop("trainer")

    def instantiate_trainer(self, **kwargs: Any) -> Any:
        """Nothing is run."""


def build(
    experiment: str | Path, *overrides: str, trust: Sequence[str] = ()
) -> tuple[LightningModule, LightningDataModule]:
    """The model and the data module of an experiment file, as the command line would make them.

    No image is read. Train with ``Trainer(use_distributed_sampler=False, check_val_every_n_epoch=None, ...)``.

    Args:
        experiment: path of the YAML file.
        overrides: as on the command line, ``"--model.init_args.n_critic=1"`` or ``"--config", "overlay.yaml"``.
        trust: packages whose classes the file may name beside the suite's, torch's, Lightning's and those of modules
            in the working directory. Their code runs.

    Raises:
        UserError: for an unknown key, an impossible value or a class that is not allowed, with the nearest valid name.
    """
    builder = Builder(["--config", str(experiment), *overrides], run=False, trust=trust)
    return builder.model, builder.datamodule


def load(checkpoint: str | Path, device: str | torch.device = "cpu", trust: Sequence[str] = ()) -> LightningModule:
    """The model of a checkpoint in eval mode. The checkpoint says itself what it is.

    Args:
        checkpoint: a file that ``fit`` has written.
        device: where to put it.
        trust: packages whose classes it may name beside the suite's, torch's and Lightning's. Their code runs.

    Raises:
        UserError: if the file is missing, not a checkpoint of this suite, or names a class that is not allowed.
    """
    check_local(checkpoint)
    content = read_checkpoint(checkpoint)
    model = stored_model(content["hyper_parameters"]["model"], checkpoint, trust)
    check_fits(content, model, str(checkpoint))
    model.load_state_dict(content["state_dict"])
    return model.to(device).eval()
