"""Keeps NaN and infinity out of checkpoints, and records where training produced them."""

from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from lightning.pytorch import Callback, LightningModule, Trainer
from torch.utils.data import DataLoader

from lightning_cgan import keyed
from lightning_cgan.errors import NonFiniteError
from lightning_cgan.finite import not_finite
from lightning_cgan.runs.files import tolerated, write_json

FILE = "nonfinite.json"
SHOWN = 8  # images named in the message


@runtime_checkable
class ListsImages(Protocol):
    """A sampler that can list the images of any update."""

    def images_of(self, update: int) -> dict[str, list[list[int]]]:
        """Indices in the data set of the images of ``update``, counted from 0, a list for each batch."""


class OnlyFinite(Callback):
    """Refuses to save a checkpoint that holds NaN or infinity in weights, buffers or optimizer states.

    Optimizer steps with a non-finite loss or gradient are refused earlier (:mod:`lightning_cgan.finite`). This finds
    the rest: running statistics of batch norm after a bad forward pass, or weights that a step made infinite.

    When a run ends this way, ``nonfinite.json`` in the run folder records the update, what was found, the images of the
    update and the seed.
    """

    def __init__(self) -> None:
        self.infinite_from_start: set[str] = set()  # buffers that may hold infinities, such as masks

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        infinite = ((name, held) for name, held in module.named_buffers() if held.is_floating_point())
        self.infinite_from_start = {
            name for name, held in infinite if bool(held.isinf().any() and not held.isnan().any())
        }

    def on_save_checkpoint(self, trainer: Trainer, module: LightningModule, checkpoint: dict[str, Any]) -> None:
        held = [name for name in not_finite(checkpoint["state_dict"]) if name not in self.infinite_from_start]
        held += not_finite(checkpoint["optimizer_states"], "optimizer")
        if trainer.strategy.reduce_boolean_decision(bool(held), all=False):
            where = f"{held[0]} and {len(held) - 1} more" if len(held) > 1 else "".join(held) or "another process"
            raise NonFiniteError(
                f"update {trainer.global_step}: a checkpoint would hold NaN or infinity in {where}; it was not saved.",
                update=trainer.global_step,
                state=where,
            )

    def on_exception(self, trainer: Trainer, module: LightningModule, exception: BaseException) -> None:
        if not isinstance(exception, NonFiniteError) or "update" not in exception.found:
            return
        of_a_step = "loss" in exception.found  # a state may have been bad for longer
        images = images_of(trainer, int(exception.found["update"]) - 1) if of_a_step else {}
        exception.add_note(advice(trainer, images))
        if trainer.is_global_zero:
            path = Path(trainer.default_root_dir, FILE)
            found = exception.found | {"message": str(exception), "images": images, "seed": keyed.run_seed()}
            with tolerated(str(path)):  # a full disk must not hide what ended the run
                write_json(path, {name: plain(value) for name, value in found.items()})


def images_of(trainer: Trainer, update: int) -> dict[str, list[list[int]]]:
    """Indices in the data set of all images of ``update``, by data stream; empty if not known."""
    loader = trainer.train_dataloader
    sampler = loader.sampler if isinstance(loader, DataLoader) else None
    return sampler.images_of(update) if isinstance(sampler, ListsImages) else {}


def advice(trainer: Trainer, images: dict[str, list[list[int]]]) -> str:
    """Lines for the user: which images were involved, and what to try."""
    first = [image for batches in images.values() for batch in batches for image in batch]
    named = f"Training images {', '.join(map(str, first[:SHOWN]))}{', …' if len(first) > SHOWN else ''}; more in "
    ways = ["a lower learning rate with --fresh"]
    if not str(trainer.precision).startswith("32"):
        ways.insert(0, f"--trainer.precision 32-true, which resumes from the last checkpoint (now {trainer.precision})")
    if images:
        ways.append("other data, if one of these images is the cause")
    return (
        f"{named if first else 'What was found is in '}{trainer.default_root_dir}/{FILE}\n"
        f"The last checkpoint is unchanged; the same command would fail again. Try {'; '.join(ways)}."
    )


def plain(value: Any) -> Any:
    """``value`` as JSON can hold it: NaN and infinity as text."""
    return str(value) if isinstance(value, float) else value
