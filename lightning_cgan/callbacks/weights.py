"""Weights for others to load."""

from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer
from safetensors.torch import save_file


class SaveWeights(Callback):
    """Writes one network's weights as safetensors when ``fit`` ends.

    Args:
        path: of the file.
        network: the module's attribute that holds the network.
    """

    def __init__(self, path: str, network: str = "network") -> None:
        self.path, self.network = Path(path), network

    def on_fit_end(self, trainer: Trainer, module: LightningModule) -> None:
        if trainer.is_global_zero:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            save_file(module.get_submodule(self.network).state_dict(), self.path)
