"""What a translation looks like: sources, what became of them, what they should have become, and the way back."""

from typing import Any

from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from lightning_cgan.callbacks.pictures import SampleGrid, fitted
from lightning_cgan.contract import Evaluated


class Triplets(SampleGrid):
    """After each evaluation, a picture with a column for each of the first images: ``samples/000250.png`` and so on.

    Its rows are source, generated, target, and the source recovered from the generated one where a paper goes there and
    back. Below stand the same rows of the other direction, where a paper learns both. There is no row of targets where
    the data hold no pairs. Images of other sizes than the first are cut or padded around their centres.

    Args:
        columns: images in a row.
    """

    def __init__(self, columns: int = 8) -> None:
        super().__init__(columns)

    def on_validation_batch_end(self, trainer: Trainer, module: LightningModule, outputs: Evaluated, *_: Any) -> None:
        if not trainer.is_global_zero or not isinstance(outputs, Evaluated) or not len(outputs.fake):
            return
        paired = getattr(trainer.datamodule, "evaluates_pairs", False)
        directions = [outputs, outputs.back] if outputs.back else [outputs]
        for row, images in enumerate(part for one in directions for part in rows(one, paired)):
            cell = self.cells.setdefault(row, [])
            for image in images[: self.columns - len(cell)]:
                like = self.cells[0][0] if self.cells[0] else outputs.fake[0]
                cell.append(fitted(image, like).cpu())

    on_test_batch_end = on_validation_batch_end


def rows(outputs: Evaluated, paired: bool) -> list[Tensor]:
    """What is shown of one direction, from above."""
    shown = [outputs.source, outputs.fake, outputs.real if paired else None, outputs.recovered]
    return [images for images in shown if images is not None]
