"""What papers, callbacks and the evaluation card may ask of data, with defaults."""

import warnings
from typing import Any

from lightning.pytorch import LightningDataModule

from datamodules.core.fingerprint import Fingerprint, State, differences, earlier, leaks
from lightning_cgan.interfaces import DataFacts
from lightning_cgan.protocol import Protocol

MEASURED = {"fit": "val", "validate": "val", "test": "test"}


class Alone:
    """Stands in for a Trainer where there is none: one process, before the first update of a run without a length."""

    global_step = 0
    global_rank = 0
    world_size = 1
    max_steps = -1
    max_epochs: int | None = None
    training = True
    lightning_module: Any = None


class DataModule(DataFacts, LightningDataModule):
    """Base of the data modules. Its loaders work with a Trainer and without one.

    Attributes:
        protocol: the convention by which ``test`` measures.
        known_splits: those that a checkpoint of a run knows: test images too where they may come and go.
    """

    protocol: Protocol = Protocol.OWN
    known_splits: tuple[str, ...] = ("train", "val")

    def __init__(self) -> None:
        super().__init__()
        self.fingerprints: dict[str, Fingerprint] = {}
        self.before: State = {}

    @property
    def run(self) -> Any:
        """The trainer, or what stands in for it."""
        return self.trainer or Alone

    def fingerprint(self, split: str) -> Fingerprint:
        """That of the images of ``split``."""
        raise NotImplementedError

    def take_fingerprints(self) -> None:
        """Look at the images of a run that begins, and say where the same ones are trained on and held out."""
        self.fingerprints = {split: self.fingerprint(split) for split in self.known_splits}
        self.warn(leaks(self.fingerprints))

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint knows of the images: plain values and tensors."""
        if not self.fingerprints:
            return self.before
        gone = earlier(self.before, self.fingerprints["train"])
        return {split: one.state() for split, one in self.fingerprints.items()} | ({"earlier": gone} if gone else {})

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Says how the images differ from those that a checkpoint knows."""
        self.before = state_dict
        stage = str(self.run.state.fn.value)
        if stage == "fit":
            self.warn(differences(state_dict, self.fingerprints))
        elif stage in MEASURED:
            splits = self.measured_splits(MEASURED[stage])
            self.warn(differences(state_dict, {split: self.fingerprint(split) for split in splits}))

    def measured_splits(self, split: str) -> list[str]:
        """The splits whose images the scores of ``split`` are measured against."""
        convention = self.protocol.value.split if split == "test" else None
        return (convention or split).split("+")

    def warn(self, lines: list[str]) -> None:
        for line in lines if self.run.global_rank == 0 else ():
            warnings.warn(line, stacklevel=1)
