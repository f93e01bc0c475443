"""Python interface: build model and data of an experiment file, load the model of a checkpoint."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningDataModule, LightningModule

from lightning_cgan.cli.lightning import CLI
from lightning_cgan.config.stored_model import check_local, stored_model
from lightning_cgan.runs.run_folder import check_fits, read_checkpoint


class Builder(CLI):
    """The command-line parser, without a trainer."""

    def before_instantiate_classes(self) -> None:
        self.config.pop("trainer")

    def instantiate_trainer(self, **kwargs: Any) -> Any:
        """No trainer: nothing is run."""


def build(
    experiment: str | Path, *overrides: str, trust: Sequence[str] = ()
) -> tuple[LightningModule, LightningDataModule]:
    """Model and data module of an experiment file, as the command line builds them.

    No image is read. Train with ``Trainer(use_distributed_sampler=False, check_val_every_n_epoch=None, ...)``.

    Args:
        experiment: path of the YAML file.
        overrides: as on the command line, ``"--model.init_args.n_critic=1"`` or ``"--config", "overlay.yaml"``.
        trust: packages whose classes the file may name, in addition to the suite, torch, Lightning and modules in the
            working directory. Their code is executed.

    Raises:
        UserError: for an unknown key, an impossible value or a class that is not allowed, with the nearest valid name.
    """
    builder = Builder(["--config", str(experiment), *overrides], run=False, trust=trust)
    return builder.model, builder.datamodule


def load(checkpoint: str | Path, device: str | torch.device = "cpu", trust: Sequence[str] = ()) -> LightningModule:
    """Model of a checkpoint, in eval mode; its class and arguments are stored in the checkpoint.

    Args:
        checkpoint: a file written by ``fit``.
        device: device of the model.
        trust: packages whose classes the checkpoint may name, in addition to the suite, torch and Lightning. Their code
            is executed.

    Raises:
        UserError: if the file is missing, not a checkpoint of this suite, or names a class that is not allowed.
    """
    check_local(checkpoint)
    content = read_checkpoint(checkpoint)
    model = stored_model(content["hyper_parameters"]["model"], checkpoint, trust)
    check_fits(content, model, str(checkpoint))
    model.load_state_dict(content["state_dict"])
    return model.to(device).eval()
