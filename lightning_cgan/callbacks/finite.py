"""Keeps NaN and infinity out of checkpoints, and writes down where training came to them."""

from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from lightning.pytorch import Callback, LightningModule, Trainer

from lightning_cgan import keyed
from lightning_cgan.errors import NonFiniteError
from lightning_cgan.finite import not_finite
from lightning_cgan.runs.files import tolerated, write_json

FILE = "nonfinite.json"
SHOWN = 8  # images named in the message


@runtime_checkable
class SaysImages(Protocol):
    """A sampler that knows the images of any update."""

    def images_of(self, update: int) -> dict[str, list[list[int]]]:
        """The places in the data set of the images of ``update``, counted from 0, a list for each batch."""


class OnlyFinite(Callback):
    """Lets no checkpoint be saved that holds NaN or infinity in weights, buffers or an optimizer's state.

    A step down a loss or gradient that is not finite is refused before (:mod:`lightning_cgan.finite`). This finds the
    rest: running statistics of batch norm that a forward pass has spoiled, or weights that a step has made infinite.

    When a run ends so, ``nonfinite.json`` in the run folder says the update, what was found, the images of the update
    and the seed.
    """

    def __init__(self) -> None:
        self.from_the_start: set[str] = set()  # buffers that are meant to hold infinities, as masks do

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        infinite = ((name, held) for name, held in module.named_buffers() if held.is_floating_point())
        self.from_the_start = {name for name, held in infinite if bool(held.isinf().any() and not held.isnan().any())}

    def on_save_checkpoint(self, trainer: Trainer, module: LightningModule, checkpoint: dict[str, Any]) -> None:
        held = [name for name in not_finite(checkpoint["state_dict"]) if name not in self.from_the_start]
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
        of_a_step = "loss" in exception.found  # a state may have been spoiled long ago
        images = images_of(trainer, int(exception.found["update"]) - 1) if of_a_step else {}
        exception.add_note(advice(trainer, images))
        if trainer.is_global_zero:
            path = Path(trainer.default_root_dir, FILE)
            found = exception.found | {"told": str(exception), "images": images, "seed": keyed.run_seed()}
            with tolerated(str(path)):  # or a full disk would hide what ended the run
                write_json(path, {name: plain(value) for name, value in found.items()})


def images_of(trainer: Trainer, update: int) -> dict[str, list[list[int]]]:
    """The places in the data set of all images of ``update``, by the order that they come in; empty if not known."""
    sampler = getattr(trainer.train_dataloader, "sampler", None)  # whatever a user has for a loader
    return sampler.images_of(update) if isinstance(sampler, SaysImages) else {}


def advice(trainer: Trainer, images: dict[str, list[list[int]]]) -> str:
    """What can be done about it, in lines."""
    first = [image for batches in images.values() for batch in batches for image in batch]
    named = f"Training images {', '.join(map(str, first[:SHOWN]))}{', …' if len(first) > SHOWN else ''}; more in "
    ways = ["a lower learning rate with --fresh"]
    if not str(trainer.precision).startswith("32"):
        ways.insert(0, f"--trainer.precision 32-true, which goes on from the last checkpoint (now {trainer.precision})")
    if images:
        ways.append("other data, where one of these images is to blame")
    return (
        f"{named if first else 'What was found is in '}{trainer.default_root_dir}/{FILE}\n"
        f"The last checkpoint is as it was; the same command comes to the same again. Try {'; '.join(ways)}."
    )


def plain(value: Any) -> Any:
    """As JSON can hold it, which knows no NaN."""
    return str(value) if isinstance(value, float) else value
