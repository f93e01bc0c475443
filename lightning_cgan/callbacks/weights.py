"""Weights for others to load."""

from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer
from safetensors.torch import save_file


class SaveWeights(Callback):
    """Writes one network's weights into the run folder when ``fit`` ends.

    Args:
        name: of the safetensors file.
        network: the module's attribute that holds the network.
    """

    def __init__(self, name: str, network: str = "network") -> None:
        self.name, self.network = name, network

    def on_fit_end(self, trainer: Trainer, module: LightningModule) -> None:
        if trainer.is_global_zero:
            save_file(module.get_submodule(self.network).state_dict(), Path(trainer.default_root_dir, self.name))
