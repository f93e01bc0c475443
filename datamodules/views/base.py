"""The base of views: a data module that shows another one in a different way and hands on the rest."""

from lightning.pytorch import LightningDataModule, Trainer

from datamodules.base import DataModule
from lightning_cgan.interfaces import FACTS, DataFacts

HOOKS = (
    "prepare_data",
    "setup",
    "teardown",
    "on_exception",
    "state_dict",
    "load_state_dict",
    "train_dataloader",
    "val_dataloader",
    "test_dataloader",
    "predict_dataloader",
    "on_before_batch_transfer",
    "transfer_batch_to_device",
    "on_after_batch_transfer",
)  # by which Lightning uses a data module


class View(DataFacts, LightningDataModule):
    """Another view of ``data``. Every fact and hook that a subclass does not define is that of ``data``.

    Args:
        data: that is viewed; the Trainer is its own too.
    """

    data: DataModule

    def __init__(self, data: DataModule) -> None:
        self.data = data  # first: Lightning's constructor sets the trainer
        super().__init__()
        self.prepare_data_per_node = data.prepare_data_per_node

    @property
    def trainer(self) -> Trainer | None:  # type: ignore[override]
        return self.data.trainer

    @trainer.setter
    def trainer(self, trainer: Trainer | None) -> None:
        self.data.trainer = trainer


def from_data(name: str) -> property:
    """The member ``name`` of ``data``; by name, because there is one for each member of the interface."""
    return property(lambda view: getattr(view.data, name))


for member in (*FACTS, *HOOKS):
    setattr(View, member, from_data(member))
